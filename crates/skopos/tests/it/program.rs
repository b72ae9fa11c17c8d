//! A running `skopos serve` on free ports and a folder of its own.

use std::io::BufReader;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const START_TIMEOUT: Duration = Duration::from_mins(1);

/// The program under test.
pub(crate) struct Program {
    child: Child,
    /// Base URL of the page and APIs.
    pub(crate) url: String,
    banner: Vec<String>,
    client: reqwest::Client,
}

/// A command that runs the built program.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skopos"));
    command.stdin(Stdio::null());
    command
}

impl Program {
    /// Starts a server on `folder` and waits until it is ready.
    pub(crate) async fn start(folder: &Path, more: &[&str]) -> Self {
        Self::start_by(command(), folder, more, Stdio::null()).await
    }

    /// As [`Program::start`], by a command that runs the program, and with its log somewhere.
    pub(crate) async fn start_by(mut command: Command, folder: &Path, more: &[&str], log: Stdio) -> Self {
        // Another test of the process may have been the first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let own = [
            "--web.listen-address=127.0.0.1:0",
            "--otlp.grpc-listen-address=off",
            "--otlp.http-listen-address=off",
        ];
        let name = |flag: &str| flag.split('=').next().map(str::to_owned);
        let own = own
            .into_iter()
            .filter(|flag| !more.iter().any(|given| name(given) == name(flag)));
        let mut child = command
            .arg("serve")
            .arg("--storage.path")
            .arg(folder)
            .args(own)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let banner = tokio::task::spawn_blocking(move || banner(BufReader::new(stdout)))
            .await
            .expect("the reader ends");
        let url = banner.iter().find_map(|line| url_in(line));
        let program = Self {
            child,
            url: url.expect("the banner names the address"),
            banner,
            client: reqwest::Client::new(),
        };
        program.wait_ready().await;
        program
    }

    /// The URL that the banner gives to `name`, if it has such a line.
    pub(crate) fn url_of(&self, name: &str) -> Option<String> {
        let line = self.banner.iter().find(|line| line.trim_start().starts_with(name))?;
        url_in(line)
    }

    async fn wait_ready(&self) {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let answer = self.client.get(format!("{}/-/ready", self.url)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(Instant::now() < deadline, "not ready within {START_TIMEOUT:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Asks and gives the JSON of a successful answer.
    pub(crate) async fn get(&self, path: &str, parameters: &[(&str, String)]) -> Value {
        let answer = self
            .client
            .get(format!("{}{path}", self.url))
            .query(parameters)
            .send()
            .await
            .expect("an answer");
        let (status, body) = (answer.status(), answer.text().await.expect("a body"));
        assert!(status.is_success(), "{path} {parameters:?}: {status} {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// Its own metrics.
    pub(crate) async fn metrics(&self) -> String {
        let answer = self.client.get(format!("{}/metrics", self.url)).send().await;
        answer.expect("an answer").text().await.expect("a body")
    }

    /// The value of one of its own metrics, whose labels stand as it writes them; 0 where it has none.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let text = self.metrics().await;
        let found = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
        found.unwrap_or_default()
    }

    /// Posts JSON; gives the status and the answer, which is null where it is no JSON.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.client.post(format!("{}{path}", self.url)).json(body);
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// Posts JSON while the program may be killed: the answer's JSON if it was a success.
    pub(crate) async fn try_post(client: &reqwest::Client, url: &str, body: &Value) -> Option<Value> {
        let answer = client.post(url).json(body).send().await.ok()?;
        let is_success = answer.status().is_success();
        let text = answer.text().await.ok()?;
        is_success.then(|| serde_json::from_str(&text).unwrap_or_default())
    }

    /// Asks it by SIGHUP to read its configuration again.
    pub(crate) fn hang_up(&self) {
        let id = i32::try_from(self.child.id()).expect("an id of a process");
        let process = rustix::process::Pid::from_raw(id).expect("an id of a process");
        rustix::process::kill_process(process, rustix::process::Signal::HUP).expect("the program runs");
    }

    /// Asks it by SIGTERM to end, and waits until it did.
    pub(crate) async fn stop(mut self) {
        let id = i32::try_from(self.child.id()).expect("an id of a process");
        let process = rustix::process::Pid::from_raw(id).expect("an id of a process");
        rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("the program runs");
        while self.child.try_wait().expect("it can be waited for").is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends SIGKILL and waits for the end.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the program still runs");
        self.child.wait().expect("it can be waited for");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The lines of the banner; the rest of stdout is read to its end so that the program never blocks on it.
fn banner(stdout: impl std::io::BufRead + Send + 'static) -> Vec<String> {
    let mut banner = Vec::new();
    let mut lines = stdout.lines();
    for line in lines.by_ref().map_while(Result::ok) {
        let is_last = line.starts_with("Stop with");
        banner.push(line);
        if is_last {
            break;
        }
    }
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    banner
}

/// The URL in a line of the banner, without a slash at the end.
fn url_in(line: &str) -> Option<String> {
    let url = line
        .split_whitespace()
        .find(|word| word.starts_with("http://127.0.0.1:"))?;
    Some(url.trim_end_matches('/').to_owned())
}
