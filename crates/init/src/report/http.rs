//! `b2c.report=http://…`: one POST, again while the server is away.

use net::http::{Client, Method, Request};
use net::patience::{Again, Cancel, Limits, Patience, Verdict};

/// Posts `json`, for as long as [`Limits`] wait for a server that is away.
///
/// # Errors
/// What the last attempt met.
pub fn post(client: &Client, url: &str, json: &str) -> Result<(), String> {
    let request = Request::new(Method::Post, url).header("Content-Type", "application/json").body(json);
    let cancel = Cancel::default();
    let mut patience = Patience::new(Limits::default(), &cancel);
    loop {
        let Err((reason, again)) = post_once(client, &request) else { return Ok(()) };
        match patience.judge(again) {
            Verdict::Wait(pause) => {
                log::warn!(
                    "The report is not delivered: {reason}; trying again in {:.1} s",
                    pause.as_secs_f32()
                );
                patience.sleep(pause);
            }
            Verdict::GiveUp(_) | Verdict::Fail => return Err(reason),
        }
    }
}

/// A redirect is no delivery: some are followed by a GET, which brings nothing (RFC 9110 section 15.4).
fn post_once(client: &Client, request: &Request) -> Result<(), (String, Again)> {
    let sent = client.send_direct(request, net::http::Body::bytes(&request.body));
    let response = sent.map_err(|error| (error.to_string(), error.again()))?;
    match response.status {
        200..=299 => Ok(()),
        status => Err((format!("the server answers with status {status}"), response.again())),
    }
}
