//! Sends the report where `b2c.report` says.

use super::{debug_exit, file, http, recorder, virtio};
use crate::boot::http_client;
use crate::console::CONSOLE;
use crate::pipeline::World;
use crate::pipeline::state::State;
use options::{Options, ReportSink};

/// Sends it, once the status is known and while everything is still there: network, services, volumes. `world` is none where the boot failed before there was one.
///
/// A report that cannot be delivered is a red line. It changes nothing about the status, which has been said.
pub fn deliver(options: &Options, state: &State, world: Option<&World<'_>>) {
    if options.report.is_empty() {
        return;
    }
    let json = ::report::to_json(&recorder::document(state));
    for sink in &options.report {
        let sent = match sink {
            ReportSink::Console => {
                CONSOLE.plain(&format!("{}{json}", ::report::MARK));
                Ok(())
            }
            ReportSink::File { volume, path } => file::write(volume, path, &json, world),
            ReportSink::Http(url) => http::post(&http_client(options), url.reveal(), &json),
            ReportSink::Virtio => virtio::write(&json),
            ReportSink::DebugExit => debug_exit::check(),
        };
        if let Err(reason) = sent {
            CONSOLE.error(&format!("b2c.report={}: {reason}", shown(sink)));
        }
    }
}

/// As it was written, without what is secret in it.
fn shown(sink: &ReportSink) -> String {
    match sink {
        ReportSink::Console => "console".to_owned(),
        ReportSink::File { volume, path } => format!("file:{volume}/{path}"),
        ReportSink::Http(url) => net::http::shown(url.reveal()),
        ReportSink::Virtio => "virtio".to_owned(),
        ReportSink::DebugExit => "debug-exit".to_owned(),
    }
}
