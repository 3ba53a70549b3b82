//! The HTTP client against a real server, and against servers that misbehave.

use crate::lab::Lab;
use crate::web::{Server, body_error, client, config, get, read_head, say, serve_once, text};
use net::http::{Body, Client, Error, Method, Proxy, Request};
use net::patience::Again;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

#[test]
fn methods_statuses_headers_and_bodies() {
    let server = Server::start(&[]);
    let client = client();
    let request =
        Request::get(server.url("/echo?status=404")).header("X-Test", "yes").header("X-Test", "twice");
    let response = client.send(&request).unwrap();
    assert_eq!((response.status, response.url.as_str()), (404, server.url("/echo").as_str()));
    assert_eq!((response.header("x-kind"), response.header("x-none")), (Some("echo"), None));
    let echo = text(response).to_lowercase();
    assert!(echo.starts_with("get /echo?status=404 http/1.1\n"), "{echo}");
    assert!(
        echo.contains("x-test: yes\nx-test: twice\n") && echo.contains("user-agent: boot2container/"),
        "{echo}"
    );
    assert!(!echo.contains("content-length") && !echo.contains("accept-encoding"), "{echo}");

    let put = client.send(&Request::new(Method::Put, server.url("/echo")).body("payload")).unwrap();
    let echo = text(put).to_lowercase();
    assert!(
        echo.starts_with("put ") && echo.contains("content-length: 7\n") && echo.ends_with("\npayload"),
        "{echo}"
    );

    let empty = text(client.send(&Request::new(Method::Post, server.url("/echo"))).unwrap()).to_lowercase();
    assert!(empty.contains("content-length: 0\n"), "{empty}");
    let head = client.send(&Request::new(Method::Head, server.url("/echo"))).unwrap();
    assert!(head.header("content-length").unwrap().parse::<u32>().unwrap() > 0);
    assert_eq!(text(head), "");
    assert!(
        text(client.send(&Request::new(Method::Delete, server.url("/echo"))).unwrap()).starts_with("DELETE ")
    );
}

#[test]
fn a_connection_is_used_again() {
    let server = Server::start(&[]);
    let client = client();
    for _ in 0..5 {
        assert_eq!(get(&client, &server.url("/connections")), "1");
    }
}

#[test]
fn many_threads_send_at_once() {
    let server = Server::start(&[]);
    let client = client();
    thread::scope(|scope| {
        for number in 0..16 {
            let (client, server) = (client.clone(), &server);
            scope.spawn(move || {
                for round in 0..10 {
                    let path = format!("/echo?{number}-{round}");
                    assert!(get(&client, &server.url(&path)).starts_with(&format!("GET {path} ")));
                }
            });
        }
    });
}

#[test]
fn redirects_are_followed() {
    let server = Server::start(&[]);
    let client = client();
    let response = client.send(&Request::get(server.url("/redirect?to=/redirect?to=echo"))).unwrap();
    assert_eq!((response.status, response.url.as_str()), (200, server.url("/echo").as_str()));

    let post = |status| {
        let url = server.url(&format!("/redirect?to=/echo&status={status}"));
        text(client.send(&Request::new(Method::Post, url).body("payload")).unwrap())
    };
    assert!(post(302).starts_with("GET /echo "), "as browsers do");
    assert!(post(303).starts_with("GET /echo "));
    assert!(post(307).starts_with("POST /echo ") && post(308).ends_with("payload"));
}

#[test]
fn a_body_is_read_while_it_is_sent() {
    let server = Server::start(&[]);
    let client = client();
    let put = Request::new(Method::Put, server.url("/echo")).header("Expect", "100-continue");
    let text_sent = "0123456789".repeat(100_000);
    let long = text_sent.as_bytes().chain(io::repeat(b'x'));
    let answer = text(client.send_direct(&put, Body::new(1_000_000, long)).unwrap());
    assert!(answer.starts_with("PUT /echo ") && answer.ends_with(&text_sent));
    assert!(answer.to_lowercase().contains("content-length: 1000000"));
    let empty = text(client.send_direct(&put, Body::bytes(b"")).unwrap());
    assert!(empty.to_lowercase().contains("content-length: 0"), "{empty}");

    // What was read cannot be sent again.
    let moved = Request::new(Method::Put, server.url("/redirect?to=/echo&status=307"));
    assert_eq!(client.send_direct(&moved, Body::bytes(b"once")).unwrap().status, 307);
}

#[test]
fn a_body_that_ends_too_early_is_its_readers_fault() {
    let server = Server::start(&[]);
    let put = Request::new(Method::Put, server.url("/echo"));
    let error = client().send_direct(&put, Body::new(10, &b"short"[..])).unwrap_err();
    assert!(matches!(error, Error::Source { .. }) && !error.is_transient(), "{error}");
}

#[test]
fn redirects_that_are_not_followed() {
    let server = Server::start(&[]);
    let client = client();
    let error = client.send(&Request::get(server.url("/redirect?to=ftp://127.0.0.1/"))).unwrap_err();
    assert!(matches!(error, Error::Redirect { .. }), "{error}");
    assert!(error.to_string().contains("it has to begin with http:// or https://"), "{error}");

    let circle = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", circle.local_addr().unwrap());
    let error = thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..11 {
                let (stream, _) = circle.accept().unwrap();
                read_head(&stream);
                say(
                    &stream,
                    "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                );
            }
        });
        client.send(&Request::get(&url)).unwrap_err()
    });
    assert_eq!(error.to_string(), format!("{url}: redirect not followed: more than 10 in a row"));
    assert!(!error.is_transient());
}

#[test]
fn credentials_stay_with_their_server() {
    let server = Server::start(&[]);
    let client = client();
    let echo = |to: &str| {
        let url = server.url(&format!("/redirect?to={to}"));
        let request = Request::get(url).header("Authorization", "Bearer secret").header("X-Other", "kept");
        text(client.send(&request).unwrap())
    };
    let same = echo("/echo");
    assert!(same.contains("Bearer secret"), "{same}");
    // The same machine under another name is somebody else.
    let other = echo(&format!("http://localhost:{}/echo", server.port));
    assert!(!other.contains("secret") && other.to_lowercase().contains("x-other: kept"), "{other}");
    let back = echo(&format!("http://localhost:{0}/redirect?to=http://127.0.0.1:{0}/echo", server.port));
    assert!(!back.contains("secret"), "{back}");
}

#[test]
fn a_percent_encoded_password_is_sent_decoded() {
    let server = Server::start(&[]);
    let url = server.url("/echo").replace("//", "//me:p%40ss@");
    // base64 of me:p@ss
    let echo = get(&client(), &url);
    assert!(echo.to_lowercase().contains("authorization: basic ") && echo.contains("bWU6cEBzcw=="), "{echo}");
    let given = Request::get(&url).header("authorization", "Bearer given");
    let echo = text(client().send(&given).unwrap());
    assert!(echo.contains("Bearer given") && !echo.contains("Basic"), "{echo}");
}

/// One answer for all who ask again.
#[test]
fn which_refusals_are_worth_another_attempt() {
    let server = Server::start(&[]);
    let again = |status: u16| {
        client().send(&Request::get(server.url(&format!("/echo?status={status}")))).unwrap().again()
    };
    for status in [408, 429, 500, 502, 503, 504] {
        assert_eq!(again(status), Again::Soon, "{status}");
    }
    for status in [200, 304, 400, 401, 403, 404, 410, 501, 505] {
        assert_eq!(again(status), Again::Never, "{status}");
    }
}

#[test]
fn a_slow_server_is_not_a_dead_one() {
    let server = Server::start(&[]);
    // Eight bytes in two seconds.
    let client = Client::new(net::http::Config { read_timeout: Duration::from_secs(1), ..config() });
    assert_eq!(get(&client, &server.url("/slow")), "slowness");
}

#[test]
fn who_is_cancelled_waits_no_longer() {
    // The server stays silent in the middle of a body, or at once, until nobody listens any more.
    for head in ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", ""] {
        let (started, starts) = std::sync::mpsc::channel();
        let (url, server) = serve_once(move |mut stream| {
            say(&stream, head);
            started.send(()).unwrap();
            assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
        });
        // For an hour it would be patient.
        let patient = net::http::Config { read_timeout: Duration::from_secs(3600), ..config() };
        let cancel = std::sync::Arc::clone(&patient.cancel);
        let client = Client::new(patient);
        let canceller = thread::spawn({
            let cancel = std::sync::Arc::clone(&cancel);
            move || {
                starts.recv().unwrap();
                cancel.cancel();
            }
        });
        let error = match client.send(&Request::get(&url)) {
            Ok(response) => body_error(response),
            Err(error) => error,
        };
        assert!(matches!(error, Error::Cancelled) && !error.is_transient(), "{error}");
        canceller.join().unwrap();
        let begun = client.send(&Request::get(&url)).unwrap_err();
        assert!(matches!(begun, Error::Cancelled), "{begun}");
        // What comes later may use it again.
        cancel.reset();
        assert_eq!(get(&client, &Server::start(&[]).url("/connections")), "1");
        drop(client);
        server.join().unwrap();
    }
}

#[test]
fn a_silent_server_is_given_up() {
    let (url, _) = serve_once(|stream| {
        thread::sleep(Duration::from_secs(5));
        drop(stream);
    });
    let error = client().send(&Request::get(&url)).unwrap_err();
    assert_eq!(error.to_string(), format!("{url}: no answer in time while waiting for the answer"));
    assert!(error.is_transient());

    let (url, _) = serve_once(|stream| {
        say(&stream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        thread::sleep(Duration::from_secs(5));
    });
    let error = body_error(client().send(&Request::get(&url)).unwrap());
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
}

#[test]
fn a_short_body_is_an_error() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf",
    ] {
        let (url, _) = serve_once(move |stream| say(&stream, answer));
        let mut reader = client().send(&Request::get(&url)).unwrap().into_reader();
        let mut half = [0; 4];
        reader.read_exact(&mut half).unwrap();
        assert_eq!(&half, b"half");
        let error = reader.read(&mut [0; 10]).unwrap_err().downcast::<Error>().unwrap();
        assert!(matches!(error, Error::Body { .. }) && error.is_transient(), "{answer:?}: {error}");
    }
}

#[test]
fn a_connection_that_ends_before_the_answer_is_lost() {
    for answer in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Le"] {
        let (url, _) = serve_once(move |stream| say(&stream, answer));
        let error = client().send(&Request::get(&url)).unwrap_err();
        assert!(matches!(error, Error::Lost { .. }) && error.is_transient(), "{answer:?}: {error}");
    }
}

#[test]
fn what_is_not_http_is_an_error() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    ] {
        let (url, _) = serve_once(move |stream| say(&stream, answer));
        let error = client().send(&Request::get(&url)).unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }), "{answer:?}: {error}");
    }
}

#[test]
fn endless_headers_are_an_error() {
    for piece in ["X-Header: and-one-more\r\n", "X"] {
        let (url, _) = serve_once(move |mut stream| {
            say(&stream, "HTTP/1.1 200 OK\r\n");
            while stream.write_all(piece.repeat(100).as_bytes()).is_ok() {}
        });
        let error = client().send(&Request::get(&url)).unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }), "{piece:?}: {error}");
    }
}

#[test]
fn nobody_there_is_an_error_that_may_pass() {
    // Bound, so that nobody else listens there, and not listening.
    let url = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let error = client().send(&Request::get(&url)).unwrap_err();
    let host = url.strip_prefix("http://").unwrap();
    assert_eq!(error.to_string(), format!("cannot connect to {host}: Connection refused (os error 111)"));
    assert!(error.is_transient());
}

#[test]
fn errors_do_not_tell_secrets() {
    let (url, _) = serve_once(|stream| say(&stream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"));
    let secret = url.replace("http://", "http://user:password@") + "blob?X-Amz-Signature=secret";
    let error = body_error(client().send(&Request::get(secret)).unwrap());
    assert_eq!(error.to_string(), format!("{url}blob: the answer is cut off: Peer disconnected"));

    let error = client().send(&Request::get("http://u:secret@h:99999/?secret")).unwrap_err().to_string();
    assert!(error.contains("h:99999/") && !error.contains("secret"), "{error}");
    let proxy = through("socks5://u:secret@h:1", &[]);
    let error = proxy.send(&Request::get("http://127.0.0.1:1/")).unwrap_err().to_string();
    assert!(error.contains("socks5://h:1") && !error.contains("secret"), "{error}");
}

#[test]
fn a_name_without_resolver_is_an_error_that_may_pass() {
    let lab = Lab::new();
    let error =
        lab.inside(&lab.client, || client().send(&Request::get("http://registry.invalid/")).unwrap_err());
    let Error::Dns { host, .. } = &error else { panic!("{error}") };
    assert_eq!(host, "registry.invalid");
    assert!(error.is_transient());
}

#[test]
fn urls_and_headers_that_cannot_be_sent() {
    for url in [
        "",
        "registry",
        "/v2/",
        "ftp://host/",
        "http://",
        "http:///path",
        "http://a b/",
        "http://host:99999/",
    ] {
        let error = client().send(&Request::get(url)).unwrap_err();
        assert!(matches!(error, Error::BadUrl { .. }), "{url:?}: {error}");
    }
    let request = Request::get("http://127.0.0.1:1/").header("X-Split", "a\r\nX-Injected: b");
    let error = client().send(&request).unwrap_err();
    assert!(matches!(error, Error::BadUrl { .. }), "{error}");
}

fn through(proxy: &str, no: &[&str]) -> Client {
    let no = no.iter().map(ToString::to_string).collect();
    let proxy = Proxy { http: Some(proxy.into()), https: Some(proxy.into()), no };
    Client::new(net::http::Config { proxy: Some(proxy), ..config() })
}

#[test]
fn plain_http_goes_through_a_proxy_as_a_whole_url() {
    let (proxy, head) = serve_once(|stream| {
        say(&stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        read_head(&stream);
        say(&stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nagain");
    });
    let client = through(&proxy.replace("http://", "http://us%65r:word@"), &[]);
    assert_eq!(get(&client, "http://registry.invalid:5000/v2/?n=1"), "ok");
    assert_eq!(get(&client, "http://registry.invalid:5000/v2/again"), "again");
    let head = head.join().unwrap();
    assert!(head.starts_with("GET http://registry.invalid:5000/v2/?n=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic dXNlcjp3b3Jk\r\n"), "{head}");
    assert!(head.to_lowercase().contains("host: registry.invalid:5000\r\n"), "{head}");
}

#[test]
fn https_goes_through_a_tunnel() {
    let (proxy, head) =
        serve_once(|stream| say(&stream, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
    let error = through(&proxy, &[]).send(&Request::get("https://registry.invalid/v2/")).unwrap_err();
    assert!(matches!(error, Error::Proxy { .. }) && error.to_string().contains("403"), "{error}");
    assert!(head.join().unwrap().starts_with("CONNECT registry.invalid:443 HTTP/1.1\r\n"));
}

#[test]
fn excluded_hosts_are_reached_directly() {
    let server = Server::start(&[]);
    let client = through("http://127.0.0.1:1", &["127.0.0.0/8"]);
    assert_eq!(get(&client, &server.url("/connections")), "1");
    let error = through("socks5://127.0.0.1:1", &[]).send(&Request::get(server.url("/"))).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("b2c.proxy: \"socks5://127.0.0.1:1\" is not the URL of an http or https proxy"),
        "{error}"
    );
}
