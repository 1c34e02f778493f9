//! Forms of methods over a real cluster, as a browser without scripts submits them.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use crate::support::{Cluster, PATIENCE, directory, text};

/// An answer: its status, where it leads, and its page.
type Answer = (u16, Option<String>, String);

/// A process with forms.
struct Site<'a> {
    gateway: &'a str,
    process: &'a str,
}

impl Site<'_> {
    fn ask(&self, head: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.gateway).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (gateway, length) = (self.gateway, body.len());
        write!(
            stream,
            "{head} HTTP/1.1\r\nHost: {gateway}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, page) = answer.split_once("\r\n\r\n").unwrap();
        let to = head.lines().find_map(|line| line.strip_prefix("location: "));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, to.map(str::to_owned), page.to_owned())
    }

    fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), "")
    }

    fn form(&self, method: &str) -> Answer {
        self.get(&format!("/process/{}/call?method={method}", self.process))
    }

    /// Submits the form of a method as it is served, with these fields, from a page of this origin.
    fn submit(&self, method: &str, fields: &str, origin: &str, more: &str) -> Answer {
        let page = self.form(method).2;
        let (_, mark) = page.split_once(r#"name="mark" value=""#).unwrap();
        let (mark, _) = mark.split_once('"').unwrap();
        let path = format!("/process/{}/call?method={method}", self.process);
        let body = format!("mark={mark}&{fields}");
        // The lines in between are headers of the request.
        let head = format!("POST {path} HTTP/1.1\r\nOrigin: {origin}\r\n{more}X-Rest:");
        self.ask(&head, &body)
    }
}

#[test]
fn a_form_sends_a_message_once_and_leads_to_it() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--dev-key", "default"]);
    let process = cluster.spawn(example_modules::COUNTER, r#"{"start":4}"#);
    let own = text(&cluster.ready["gateway"]);
    let site = Site { gateway: own.strip_prefix("http://").unwrap(), process: &process };

    let (status, _, page) = site.get(&format!("/process/{process}"));
    assert_eq!(status, 200);
    assert!(page.contains("call?method=add") && page.contains("antiphon verify"), "{page}");

    for wrong in ["p0=three", "p0=-1", "p0=", "", "p1=3"] {
        let (status, _, page) = site.submit("add", wrong, own, "");
        assert_eq!(status, 422, "{wrong}: {page}");
        assert!(page.contains(r#"aria-invalid="true""#), "{wrong}: {page}");
    }
    assert!(site.submit("add", "p0=%22%3Ex", own, "").2.contains("value=\"&quot;&gt;x\""));
    let evil = site.submit("add", "p0=3", "https://evil.example", "");
    assert_eq!(evil.0, 403);
    assert_eq!(cluster.calls(&process, "add"), 0, "none of these was sent");

    let (status, to, _) = site.submit("add", "p0=3", own, "");
    assert_eq!(status, 303);
    let to = to.unwrap();
    let (status, _, page) = site.get(&to);
    assert!(status == 200 && to.starts_with("/message/msg1") && page.contains("add"), "{page}");
    let (status, to, page) = site.submit("add", "p0=3", own, "Prefer: return=representation\r\n");
    assert_eq!((status, to), (200, None));
    assert!(page.contains("<code>10</code>") && page.contains("in slot 2"), "{page}");
    assert_eq!(cluster.calls(&process, "add"), 2);

    let (status, _, page) = site.submit("get", "", own, "");
    assert!(status == 200 && page.contains("<code>10</code>"), "{page}");
    assert!(page.contains("On the state after slot"), "{page}");
    let largest = format!("p0={}", u64::MAX);
    let failed = site.submit("add", &largest, own, "Prefer: return=representation\r\n");
    assert!(failed.0 == 200 && failed.2.contains("does not fit"), "{}", failed.2);
    for method in ["new", "nope", "%3Cscript%3E", ""] {
        let (status, _, page) = site.form(method);
        assert_eq!(status, 404, "{method}");
        assert!(!page.contains("<script>"), "{page}");
    }
    cluster.stop();
}

#[test]
fn without_a_key_views_are_answered_and_messages_are_not_sent() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let process = cluster.spawn(example_modules::COUNTER, r#"{"start":4}"#);
    let own = text(&cluster.ready["gateway"]);
    let site = Site { gateway: own.strip_prefix("http://").unwrap(), process: &process };
    let (status, _, page) = site.form("add");
    assert!(status == 200 && page.contains("holds no key"), "{page}");
    assert!(page.contains(&format!("antiphon send {process} add by=3")), "{page}");
    assert!(!page.contains("name=\"p0\""), "{page}");
    let (status, _, page) = site.submit("get", "", own, "");
    assert!(status == 200 && page.contains("<code>4</code>"), "{page}");
    let head = format!("POST /process/{process}/call?method=add HTTP/1.1\r\nOrigin: {own}\r\nX:");
    let (status, _, page) = site.ask(&head, "p0=3");
    assert!(status == 403 && page.contains("no-dev-key"), "{page}");
    assert_eq!(cluster.calls(&process, "add"), 0);
    cluster.stop();
}
