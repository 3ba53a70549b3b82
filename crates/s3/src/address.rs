//! Where a bucket is: the host, and the path below it.

use crate::error::Error;

/// Buckets of these hosts are named in front of the host (virtual-host style), as minio's client has it; others' in the path.
const VIRTUAL_HOSTS: [&str; 4] =
    ["amazonaws.com", "amazonaws.com.cn", "storage.googleapis.com", "aliyuncs.com"];
/// Amazon's host that serves each region, if not each as well as its own.
const GLOBAL: &str = "s3.amazonaws.com";

/// A bucket's address.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    scheme: &'static str,
    /// In lower case, with the port if it is not the scheme's own: exactly what the header `Host` says, for it is signed.
    host: String,
    bucket: String,
}

impl Address {
    pub(crate) fn new(url: &str, bucket: &str) -> Result<Address, Error> {
        let refused = |reason| Error::Endpoint { url: net::http::shown(url), reason };
        let (scheme, rest, own_port) = if let Some(rest) = url.strip_prefix("http://") {
            ("http", rest, ":80")
        } else if let Some(rest) = url.strip_prefix("https://") {
            ("https", rest, ":443")
        } else {
            return Err(refused("it has to begin with http:// or https://"));
        };
        let host = rest.strip_suffix('/').unwrap_or(rest).to_ascii_lowercase();
        if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b)) {
            return Err(refused("it has to be a host, with a port if need be, and nothing else"));
        }
        let host = host.strip_suffix(own_port).unwrap_or(&host).to_owned();
        if !is_bucket_name(bucket) {
            return Err(Error::BucketName { name: crate::answers::shown(bucket) });
        }
        Ok(Address { scheme, host, bucket: bucket.to_owned() })
    }

    /// The endpoint's host, for messages.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.scheme == "https"
    }

    /// Which region a host of Amazon's names: `s3.eu-west-1.amazonaws.com`, `s3-eu-west-1.amazonaws.com`, `s3.dualstack.eu-west-1.…`
    pub(crate) fn region(&self) -> Option<&str> {
        let name = self.host.strip_suffix(".cn").unwrap_or(&self.host).strip_suffix(".amazonaws.com")?;
        let last = name.rsplit('.').next()?;
        let last = last.strip_prefix("s3-").unwrap_or(last);
        (!matches!(last, "s3" | "dualstack" | "s3-accelerate" | "accelerate")).then_some(last)
    }

    /// The origin that requests go to, the host in it, and the encoded path of a key (or of the bucket itself).
    pub(crate) fn locate(&self, region: &str, key: Option<&str>) -> Place {
        let mut host = self.host.clone();
        if host == GLOBAL && region != "us-east-1" {
            host = format!("s3.{region}.amazonaws.com");
        }
        let key = crate::encode::path(key.unwrap_or_default());
        if !self.is_virtual() {
            return Place { scheme: self.scheme, host, path: format!("/{}/{key}", self.bucket) };
        }
        Place { scheme: self.scheme, host: format!("{}.{host}", self.bucket), path: format!("/{key}") }
    }

    /// A certificate for `*.host` does not hold for a bucket with dots in its name, and capitals get lost in host names.
    fn is_virtual(&self) -> bool {
        let known = VIRTUAL_HOSTS.iter().any(|domain| {
            self.host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        let is_label = self.bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        known && is_label && (3..=63).contains(&self.bucket.len())
    }
}

/// Where one request goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) scheme: &'static str,
    pub(crate) host: String,
    pub(crate) path: String,
}

/// Amazon's rules of today are stricter, but older buckets and other servers have names like `Some_Bucket`.
fn is_bucket_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(url: &str, bucket: &str, region: &str) -> String {
        let place = Address::new(url, bucket).unwrap().locate(region, Some("a b/c"));
        format!("{}://{}{}", place.scheme, place.host, place.path)
    }

    #[test]
    fn buckets_are_in_the_path_or_in_the_host() {
        for (url, bucket, region, expected) in [
            ("http://127.0.0.1:3900", "b.c", "x", "http://127.0.0.1:3900/b.c/a%20b/c"),
            ("http://Host:80/", "bkt", "x", "http://host/bkt/a%20b/c"),
            ("https://host:443", "bkt", "x", "https://host/bkt/a%20b/c"),
            ("https://host:80", "bkt", "x", "https://host:80/bkt/a%20b/c"),
            ("http://[::1]:9000", "bkt", "x", "http://[::1]:9000/bkt/a%20b/c"),
            ("https://s3.amazonaws.com", "bkt", "us-east-1", "https://bkt.s3.amazonaws.com/a%20b/c"),
            (
                "https://s3.amazonaws.com",
                "bkt",
                "eu-west-1",
                "https://bkt.s3.eu-west-1.amazonaws.com/a%20b/c",
            ),
            ("https://s3.amazonaws.com", "b.kt", "us-east-1", "https://s3.amazonaws.com/b.kt/a%20b/c"),
            ("https://s3.amazonaws.com", "Bkt", "us-east-1", "https://s3.amazonaws.com/Bkt/a%20b/c"),
            ("https://storage.googleapis.com", "bkt", "x", "https://bkt.storage.googleapis.com/a%20b/c"),
            ("https://notamazonaws.com", "bkt", "x", "https://notamazonaws.com/bkt/a%20b/c"),
        ] {
            assert_eq!(located(url, bucket, region), expected, "{url} {bucket}");
        }
    }

    #[test]
    fn hosts_of_amazon_name_their_region() {
        for (host, region) in [
            ("s3.amazonaws.com", None),
            ("s3.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("s3-eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("s3.dualstack.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("s3.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("s3.eu-west-1.example.org", None),
        ] {
            let address = Address::new(&format!("https://{host}"), "bkt").unwrap();
            assert_eq!(address.region(), region, "{host}");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for url in
            ["", "host", "ftp://host", "http://", "http://u:secret@host", "http://host/path", "http://host?x"]
        {
            let error = Address::new(url, "bkt").unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        for bucket in ["", ".", "..", "a/b", "a b", "a?b"] {
            assert!(Address::new("http://host", bucket).is_err(), "{bucket}");
        }
    }
}
