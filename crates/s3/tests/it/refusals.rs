//! What a store refuses fails at once, with a line that says what to do.

use super::store::{LIMITS, bucket, client, endpoint, file, garage, noise, open, put};
use harness::{Fault, Faults};
use s3::{Bucket, Endpoint, Error};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

/// Fails in every way that there is, and gives what people read.
fn refused_by(bucket: &Bucket) -> Vec<String> {
    let count = AtomicU64::new(0);
    let small = bucket.put("a", &file(b"x"), &BTreeMap::new(), &count).unwrap_err();
    let medium = bucket.put("a", &file(&noise(2 << 20, 1)), &BTreeMap::new(), &count).unwrap_err();
    let large = bucket.put("a", &file(&noise(17 << 20, 1)), &BTreeMap::new(), &count).unwrap_err();
    let get = bucket.get("a", &file(b""), &count).unwrap_err();
    let list = bucket.list("").next().unwrap().unwrap_err();
    let delete = bucket.delete(&["a".into(), "b".into()]).unwrap_err();
    let errors = [small, medium, large, get, list, delete];
    assert!(errors.iter().all(|error| matches!(error, Error::Refused(_))), "{errors:?}");
    errors.map(|error| error.to_string()).into()
}

#[test]
fn wrong_keys() {
    bucket("wrong-keys");
    let right = endpoint(&garage().endpoint());
    for (keys, hint) in [
        (Endpoint { secret_key: "wrongsecret".into(), ..right.clone() }, "keys"),
        (Endpoint { access_key: "GKwrong".into(), ..right.clone() }, "key"),
        (Endpoint { access_key: String::new(), ..right }, "keys"),
    ] {
        let bucket = Bucket::new(&client(), &keys, "wrong-keys", None).unwrap().with_limits(LIMITS);
        for line in refused_by(&bucket) {
            assert!(line.contains("127.0.0.1:") && line.contains("wrong-keys"), "{line}");
            assert!(line.contains(hint) && !line.contains('\n'), "{line}");
            // Garage names an access key that it does not know.
            assert!(!line.contains("wrongsecret") && !line.contains("GKwrong"), "{line}");
        }
        assert!(bucket.head("a").unwrap_err().to_string().contains("403"));
    }
}

#[test]
fn a_wrong_bucket() {
    for line in refused_by(&open(&garage().endpoint(), "not-there")) {
        assert!(line.contains("404 NoSuchBucket") && line.contains("create the bucket"), "{line}");
    }
}

#[test]
fn a_store_that_is_not_there_is_given_up() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = open(&format!("http://{nobody}"), "bkt").head("a").unwrap_err();
    assert!(matches!(error, Error::GaveUp { .. }), "{error}");
}

#[test]
fn what_is_no_store_is_refused() {
    let front = Faults::before_port(garage().port());
    front.always("/", Fault::Status(200, None));
    let bucket = open(&format!("http://{}", front.address()), "bkt");
    let list = bucket.list("").next().unwrap().unwrap_err();
    assert!(matches!(list, Error::Protocol { .. }), "{list}");
    let get = bucket.get("a", &file(b""), &AtomicU64::new(0)).unwrap_err();
    assert!(matches!(get, Error::Protocol { .. }), "{get}");
}

/// A redirect is not followed: who knows to whom keys and data would go.
#[test]
fn a_redirect_is_named() {
    let front = Faults::before_port(garage().port());
    front.always("/", Fault::Redirect(garage().endpoint()));
    let bucket = open(&format!("http://{}", front.address()), "bkt");
    for line in refused_by(&bucket) {
        assert!(line.contains("307") && line.contains("redirects"), "{line}");
    }
}

#[test]
fn one_object_that_cannot_be_deleted_is_named() {
    let bucket = bucket("too-long");
    put(&bucket, "a", b"");
    let keys = ["a".to_owned(), "x".repeat(3000)];
    // Whether a key that no object can have counts as deleted is up to the store; the other one is.
    let _ = bucket.delete(&keys);
    assert_eq!(bucket.list("").count(), 0);
}
