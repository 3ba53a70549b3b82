//! Regions, and buckets in front of the host.

use super::store::{LIMITS, bucket, client, endpoint, garage, get, open, put};
use harness::Garage;
use net::http::{Client, Config, Proxy};
use s3::Bucket;

#[test]
fn the_region_is_found_out() {
    let garage = Garage::start_in("mars-north-7");
    garage.create_bucket("bkt");
    put(&open(&garage.endpoint(), "bkt"), "a", b"put first");
    assert_eq!(get(&open(&garage.endpoint(), "bkt"), "a").unwrap().1, b"put first");
    assert_eq!(open(&garage.endpoint(), "bkt").list("").count(), 1);
    assert_eq!(open(&garage.endpoint(), "bkt").head("a").unwrap().unwrap().size, 9);
    assert_eq!(open(&garage.endpoint(), "bkt").delete(&["a".into(), "b".into()]).unwrap(), []);
}

/// Amazon's way. A proxy takes the place of its name servers.
#[test]
fn the_bucket_is_in_the_host_name() {
    bucket("in-front");
    let proxy = Proxy { http: Some(garage().endpoint()), ..Proxy::default() };
    let client = Client::new(Config { proxy: Some(proxy), ..Config::default() });
    let endpoint = endpoint("http://s3.amazonaws.com");
    let by_host = Bucket::new(&client, &endpoint, "in-front", None).unwrap().with_limits(LIMITS);
    put(&by_host, "a b/ü+%", b"content");
    assert_eq!(by_host.list("a b/").count(), 1);
    assert_eq!(get(&open(&garage().endpoint(), "in-front"), "a b/ü+%").unwrap().1, b"content");
}

#[test]
fn one_bucket_serves_many_threads() {
    let bucket = Bucket::new(&client(), &endpoint(&garage().endpoint()), "in-threads", None).unwrap();
    garage().create_bucket("in-threads");
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let bucket = &bucket;
            scope.spawn(move || {
                for object in 0..5 {
                    let key = format!("{thread}/{object}");
                    put(bucket, &key, key.as_bytes());
                    assert_eq!(get(bucket, &key).unwrap().1, key.as_bytes());
                }
            });
        }
    });
    assert_eq!(bucket.list("").count(), 80);
}
