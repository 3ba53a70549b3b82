//! Signature version 4 in the `Authorization` header (AWS, "Authenticating Requests: Using the Authorization Header").

use crate::encode::hex;
use ring::{digest, hmac};

/// What signs: who asks, where and when.
pub(crate) struct Signer<'a> {
    pub(crate) access_key: &'a str,
    pub(crate) secret_key: &'a str,
    pub(crate) region: &'a str,
    /// `YYYYMMDDTHHMMSSZ`, as the header `x-amz-date`.
    pub(crate) time: &'a str,
}

/// What is signed, as it is sent.
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    /// Encoded, with its leading slash.
    pub(crate) path: &'a str,
    /// Encoded and sorted, each name with a `=`.
    pub(crate) query: &'a str,
    /// Names in lower case; with `host` and all of `x-amz-…`.
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    /// The SHA-256 of the body, in hexadecimal.
    pub(crate) payload: &'a str,
}

impl Signer<'_> {
    /// The value of `Authorization`.
    pub(crate) fn authorization(&self, mut request: Signed<'_>) -> String {
        request.headers.sort_unstable();
        let names: Vec<&str> = request.headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let date = self.time.get(..8).unwrap_or_default();
        let scope = format!("{date}/{}/s3/aws4_request", self.region);
        let canonical = digest::digest(&digest::SHA256, request.canonical(&names).as_bytes());
        let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", self.time, hex(canonical.as_ref()));
        let signature = hex(hmac::sign(&self.key(date), text.as_bytes()).as_ref());
        let credential = format!("{}/{scope}", self.access_key);
        format!("AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={names},Signature={signature}")
    }

    fn key(&self, date: &str) -> hmac::Key {
        let secret = format!("AWS4{}", self.secret_key);
        [date, self.region, "s3", "aws4_request"]
            .into_iter()
            .fold(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), |key, word| {
                hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, word.as_bytes()).as_ref())
            })
    }
}

impl Signed<'_> {
    fn canonical(&self, names: &str) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.method, self.path, self.query);
        for (name, value) in &self.headers {
            let words: Vec<&str> = value.split_ascii_whitespace().collect();
            text += &format!("{name}:{}\n", words.join(" "));
        }
        text + "\n" + names + "\n" + self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// Signs one of the examples of the S3 documentation and gives the last part of the header.
    fn signature(method: &str, path: &str, query: &str, more: &[(&str, &str)], payload: &str) -> String {
        let signer = Signer {
            access_key: "AKIAIOSFODNN7EXAMPLE",
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            region: "us-east-1",
            time: "20130524T000000Z",
        };
        let mut headers = vec![
            ("host", "examplebucket.s3.amazonaws.com"),
            ("x-amz-content-sha256", payload),
            ("x-amz-date", "20130524T000000Z"),
        ];
        headers.extend_from_slice(more);
        let header = signer.authorization(Signed { method, path, query, headers, payload });
        header.rsplit('=').next().unwrap().to_owned()
    }

    #[test]
    fn aws_example_get_object() {
        assert_eq!(
            signature("GET", "/test.txt", "", &[("range", "bytes=0-9")], EMPTY),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }

    #[test]
    fn aws_example_put_object() {
        let more = [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")];
        let payload = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
        assert_eq!(
            signature("PUT", "/test%24file.text", "", &more, payload),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
    }

    #[test]
    fn aws_example_get_bucket_lifecycle() {
        assert_eq!(
            signature("GET", "/", "lifecycle=", &[], EMPTY),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        );
    }

    #[test]
    fn aws_example_list_objects() {
        assert_eq!(
            signature("GET", "/", "max-keys=2&prefix=J", &[], EMPTY),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
    }

    #[test]
    fn the_whole_header() {
        let signer =
            Signer { access_key: "A", secret_key: "s", region: "eu-west-1", time: "20130524T000000Z" };
        let headers = vec![("x-amz-meta-a", "  1   2 "), ("host", "h:1")];
        let request = Signed { method: "GET", path: "/", query: "", headers, payload: EMPTY };
        assert!(request.canonical("n").contains("\nx-amz-meta-a:1 2\n"));
        let header = signer.authorization(request);
        let start = "AWS4-HMAC-SHA256 Credential=A/20130524/eu-west-1/s3/aws4_request,SignedHeaders=host;x-amz-meta-a,Signature=";
        assert!(header.starts_with(start), "{header}");
    }
}
