//! A running ward's page, asked over HTTP.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use ureq::{Agent, Body, http::Response};

use super::process::{Running, bpmonitor};
use super::until;
use super::ward::Ward;

/// A running ward whose page is open and which simulates nobody.
pub(crate) fn quiet() -> (Ward, Running) {
    let ward = Ward::new();
    ward.set_spec(&json!({"patients": {"count": 0}}));
    let run = Running::start(&mut ward.live());
    (ward, run)
}

/// `import` of a file into a running ward, by its page's address.
pub(crate) fn importing(into: &str, file: &Path) -> Command {
    let mut command = bpmonitor(["import", "--into", into]);
    command.arg(file);
    command
}

/// The page of a running ward.
pub(crate) struct Page {
    agent: Agent,
    pub(crate) url: String,
}

impl Page {
    /// Waits until a run says where its page is; its token is in a file, for here nobody's eyes are on a terminal.
    pub(crate) fn of(run: &mut Running) -> Self {
        let mut url = None;
        until("the page has an address", || {
            url = run.out().lines().find_map(|line| line.strip_prefix("the page: ").map(str::to_owned));
            url.is_some() || !run.is_running()
        });
        let url = url.unwrap_or_else(|| panic!("{}", run.err()));
        let token = url.split_once("what is in ").map(|(_, file)| std::fs::read_to_string(file).unwrap());
        let url = url.split_whitespace().next().unwrap();
        let url = token.map_or_else(|| url.to_owned(), |token| format!("{url}?token={}", token.trim()));
        Self {
            agent: Agent::config_builder().http_status_as_error(false).max_idle_connections(0).build().into(),
            url,
        }
    }

    /// The origin: scheme, host and port.
    pub(crate) fn origin(&self) -> &str {
        self.url.split_once("/?").map_or(self.url.trim_end_matches('/'), |(origin, _)| origin)
    }

    /// A connection on which nothing was said yet.
    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(self.origin().trim_start_matches("http://")).unwrap()
    }

    /// Asks, with these headers.
    pub(crate) fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
        let mut request = self.agent.get(format!("{}{path}", self.origin()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.call().unwrap()
    }

    /// The status and the body of an answer of the API.
    pub(crate) fn answer(&self, path: &str) -> (u16, Value) {
        let mut answer = self.ask(&format!("/api/v1{path}"), &[]);
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap())
    }

    /// An answer of the API that is well.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = self.answer(path);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Waits until an answer is so.
    pub(crate) fn until(&self, what: &str, path: &str, mut is_so: impl FnMut(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        until(what, || {
            last = self.get(path);
            is_so(&last)
        });
        last
    }
}
