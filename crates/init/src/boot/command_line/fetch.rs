//! Small files from web servers that may not be there yet.

use crate::console::CONSOLE;
use net::http::{Client, InTime, Request};
use net::patience::Again;
use std::io::Read;
use std::time::Duration;

/// Pauses between the tries, in seconds.
const PAUSES: [u64; 5] = [1, 2, 4, 8, 0];
/// The longest of them for a name that nobody knows. The interface whose name server knows it may be a little later than the first, but a
/// name with a typing error never will be known.
const NAME_PAUSE: u64 = 4;

/// What a request gives, at most `limit` bytes; a server that is not there yet is given some time.
pub fn fetch(client: &Client, request: &Request, limit: u64) -> Result<Vec<u8>, String> {
    let mut failure = String::new();
    for pause in PAUSES {
        match fetch_once(client, request, limit) {
            Ok(bytes) => return Ok(bytes),
            Err((reason, Again::Never)) => return Err(reason),
            Err((reason, Again::Name)) if pause > NAME_PAUSE => return Err(reason),
            Err((reason, _)) => failure = reason,
        }
        if pause > 0 {
            CONSOLE.line(&format!("{failure}; trying again in {pause} s"));
            std::thread::sleep(Duration::from_secs(pause));
        }
    }
    Err(failure)
}

/// The content, or the reason and whether another try can help.
pub fn fetch_once(client: &Client, request: &Request, limit: u64) -> Result<Vec<u8>, (String, Again)> {
    let response = client.send(request).map_err(|error| (error.to_string(), error.again()))?;
    if response.status != 200 {
        return Err((format!("the server answers with status {}", response.status), response.again()));
    }
    let mut bytes = Vec::new();
    let read = InTime::new(response.into_reader()).take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| (error.to_string(), Again::Soon))?;
    if bytes.len() as u64 > limit {
        return Err((format!("longer than {limit} bytes"), Again::Never));
    }
    Ok(bytes)
}
