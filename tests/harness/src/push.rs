//! The pushing half of the distribution specification.

use crate::image::digest;
use crate::registry::Registry;
use ureq::http::Response;
use ureq::{Agent, Body};

impl Registry {
    /// Puts a blob of any kind into `repository`; returns its digest.
    pub fn push_blob(&self, repository: &str, bytes: &[u8]) -> String {
        blob(self, repository, bytes);
        digest(bytes)
    }

    /// Puts a manifest into the registry as `NAME[:TAG]`; returns its digest. The registry checks that what it names is there.
    pub fn push_manifest(&self, name: &str, media_type: &str, bytes: &[u8]) -> String {
        let (repository, tag) = split(name);
        manifest(self, repository, tag, media_type, bytes);
        digest(bytes)
    }
}

/// `NAME[:TAG]` → name and tag.
pub(crate) fn split(name: &str) -> (&str, &str) {
    name.rsplit_once(':').unwrap_or((name, "latest"))
}

pub(crate) fn blob(registry: &Registry, repository: &str, bytes: &[u8]) {
    let address = registry.push_address();
    let agent = agent();
    let uploads = format!("http://{address}/v2/{repository}/blobs/uploads/");
    let started = agent.post(&uploads).send_empty().unwrap();
    expect(202, started.status().as_u16(), "start an upload", &uploads);
    let location = header(&started, "location");
    let location = if location.starts_with('/') { format!("http://{address}{location}") } else { location };
    let separator = if location.contains('?') { '&' } else { '?' };
    let target = format!("{location}{separator}digest={}", digest(bytes));
    let stored = agent.put(&target).content_type("application/octet-stream").send(bytes).unwrap();
    expect(201, stored.status().as_u16(), "put a blob", &target);
}

pub(crate) fn manifest(registry: &Registry, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) {
    let target = format!("http://{}/v2/{repository}/manifests/{tag}", registry.push_address());
    let stored = agent().put(&target).content_type(media_type).send(bytes).unwrap();
    expect(201, stored.status().as_u16(), "put a manifest", &target);
}

fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).build().into()
}

fn header(response: &Response<Body>, name: &str) -> String {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

#[track_caller]
fn expect(wanted: u16, got: u16, what: &str, url: &str) {
    assert_eq!(wanted, got, "cannot {what}: {url}");
}
