//! A mail server that keeps what it is told.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio_rustls::TlsAcceptor;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// How the server behaves.
#[derive(Clone, Default)]
pub(crate) struct Manners {
    pub(crate) tls: Option<TlsAcceptor>,
    /// TLS begins with the connection.
    pub(crate) is_implicit: bool,
    /// The mechanisms that it offers.
    pub(crate) auth: &'static str,
    /// Its answer to RCPT where it refuses.
    pub(crate) refusal: &'static str,
}

pub(crate) struct MailServer {
    pub(crate) port: u16,
    told: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    pub(crate) async fn start(manners: Manners) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let told = Arc::new(Mutex::new(Vec::new()));
        let book = Arc::clone(&told);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stream: Box<dyn Stream> = match &manners.tls {
                    Some(tls) if manners.is_implicit => match tls.accept(stream).await {
                        Ok(stream) => Box::new(stream),
                        Err(_) => continue,
                    },
                    _ => Box::new(stream),
                };
                let talk = Talk {
                    stream: BufReader::new(stream),
                    manners: manners.clone(),
                    book: Arc::clone(&book),
                    is_encrypted: manners.is_implicit,
                };
                drop(talk.run().await);
            }
        });
        Self { port, told }
    }

    /// All lines so far, those of mails included.
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().expect("no panic before").clone()
    }

    /// Whether a line was told.
    pub(crate) fn heard(&self, line: &str) -> bool {
        self.told().iter().any(|told| told == line)
    }
}

struct Talk {
    stream: BufReader<Box<dyn Stream>>,
    manners: Manners,
    book: Arc<Mutex<Vec<String>>>,
    is_encrypted: bool,
}

impl Talk {
    async fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_owned();
        self.book.lock().expect("no panic before").push(line.clone());
        Ok(line)
    }

    async fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.stream.write_all(format!("{text}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    async fn run(mut self) -> std::io::Result<()> {
        self.say("220 test").await?;
        loop {
            let line = self.line().await?;
            let word = line.split(' ').next().unwrap_or_default().to_uppercase();
            match word.as_str() {
                "EHLO" => {
                    let starttls = if self.manners.tls.is_some() && !self.is_encrypted {
                        "250-STARTTLS\r\n"
                    } else {
                        ""
                    };
                    let auth = match self.manners.auth {
                        "" => String::new(),
                        auth => format!("250-AUTH {auth}\r\n"),
                    };
                    self.say(&format!("250-test\r\n{starttls}{auth}250 8BITMIME")).await?;
                }
                "STARTTLS" => {
                    self.say("220 go").await?;
                    let tls = self.manners.tls.clone().expect("it was offered");
                    let stream = tls.accept(self.stream.into_inner()).await?;
                    self.stream = BufReader::new(Box::new(stream));
                    self.is_encrypted = true;
                }
                "AUTH" => self.auth(&line).await?,
                "RCPT" if !self.manners.refusal.is_empty() => self.say(self.manners.refusal).await?,
                "DATA" => {
                    self.say("354 go").await?;
                    while self.line().await? != "." {}
                    self.say("250 taken").await?;
                }
                "QUIT" => {
                    self.say("221 bye").await?;
                    return Ok(());
                }
                _ => self.say("250 ok").await?,
            }
        }
    }

    async fn auth(&mut self, line: &str) -> std::io::Result<()> {
        if line == "AUTH CRAM-MD5" {
            // The challenge of RFC 2195, whose answer is published.
            self.say(&format!(
                "334 {}",
                STANDARD.encode("<1896.697170952@postoffice.reston.mci.net>")
            ))
            .await?;
            self.line().await?;
        } else if line.starts_with("AUTH LOGIN") {
            for question in ["Username:", "Password:"] {
                self.say(&format!("334 {}", STANDARD.encode(question))).await?;
                self.line().await?;
            }
        }
        self.say("235 welcome").await
    }
}
