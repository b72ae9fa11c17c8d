//! PostgreSQL: the real server when it is installed, with user and database `skopos`, and its exporter. Where one answers
//! already, that one is used.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, Context, ProcessArgs};
use skopos_log_macros::{self as log, chain};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};
use tokio_util::sync::CancellationToken;

use self::metrics::PostgresSource;
use crate::folder::{Folder, FolderArgs};
use crate::program::{Farewell, needed};
use crate::{POSTGRES, SYSTEM, exporter, program};

mod metrics;

/// User and database.
const NAME: &str = "skopos";
/// How long the server may take to connect a client.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Pause between attempts while it starts.
const START_PAUSE: Duration = Duration::from_millis(250);
/// Its fast shutdown: clients are sent away. With SIGTERM it would wait for their leave, refuse new ones, and keep the
/// port and the data from its successor.
const FAREWELL: Farewell = Farewell::Int;
/// How long a server that is just ending or starting may take to make up its mind.
const PROBE_LIMIT: Duration = Duration::from_secs(10);
/// Users that the server may run as where we are root; it refuses to be root.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// Settings of PostgreSQL.
#[derive(Debug, Args)]
pub(crate) struct PostgresArgs {
    /// Where the exporter serves /metrics.
    #[arg(long, default_value = "127.0.0.1:9187", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Port of PostgreSQL on 127.0.0.1. A server that answers there already is used as it is.
    #[arg(long, default_value_t = 5432, value_name = "PORT")]
    port: u16,
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn run(arguments: PostgresArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(POSTGRES, &process, SYSTEM.faults, |context| serve(arguments, context))
}

async fn serve(arguments: PostgresArgs, context: Context) -> Result<(), FleetError> {
    let config = config(arguments.port, NAME);
    let is_outside = answers(arguments.port).await;
    let installed = Installed::find();
    if is_outside {
        log::info!(
            port = arguments.port,
            "a PostgreSQL answers already and is used as it is"
        );
    } else if installed.is_none() {
        log::warn!("PostgreSQL is not installed: services go on without it (Debian: postgresql)");
    }
    let source = PostgresSource::new(config, is_outside || installed.is_some());
    let work = async {
        match installed.filter(|_| !is_outside) {
            Some(installed) => {
                let folder = arguments.folder.open(POSTGRES)?;
                installed.run(&folder, arguments.port, &context.stop).await?;
                folder.close();
                Ok(())
            }
            None => Ok(()),
        }
    };
    tokio::try_join!(exporter::serve(arguments.listen, source, &context), work).map(|_| ())
}

fn config(port: u16, database: &str) -> Config {
    let mut config = Config::new();
    config
        .host("127.0.0.1")
        .port(port)
        .user(NAME)
        .dbname(database)
        .application_name("skopos-exporter")
        .connect_timeout(CONNECT_LIMIT);
    config
}

/// Whether a server is there that is not about to leave: one that was started for a predecessor of ours may be ending.
async fn answers(port: u16) -> bool {
    let deadline = tokio::time::Instant::now() + PROBE_LIMIT;
    loop {
        let Err(refusal) = connect(&config(port, "postgres")).await else {
            return true;
        };
        if refusal.code() != Some(&SqlState::CANNOT_CONNECT_NOW) || tokio::time::Instant::now() > deadline {
            // A server with other users is one all the same: its port is taken.
            return tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok();
        }
        tokio::time::sleep(START_PAUSE).await;
    }
}

/// A client whose connection lives on a task until the client is dropped.
async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            log::debug!(error = chain(&error), "a connection to PostgreSQL ended");
        }
    });
    Ok(client)
}

/// The installed programs.
struct Installed {
    postgres: PathBuf,
    initdb: PathBuf,
    /// Whom to run it as, where we are root.
    user: Option<(u32, u32)>,
}

impl Installed {
    fn find() -> Option<Self> {
        let folders = version_folders(Path::new("/usr/lib/postgresql"));
        let postgres = program::find(&["postgres"], &folders)?;
        let initdb = program::find(&["initdb"], &[postgres.parent()?.to_owned()])?;
        let is_root = rustix::process::geteuid().is_root();
        let user = if is_root {
            Some(user_of(&std::fs::read_to_string("/etc/passwd").ok()?)?)
        } else {
            None
        };
        Some(Self { postgres, initdb, user })
    }

    async fn run(&self, folder: &Folder, port: u16, stop: &CancellationToken) -> Result<(), FleetError> {
        let data = folder.path().join("data");
        if let Some((uid, gid)) = self.user {
            std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid)).map_err(|source| {
                needed(
                    format!("hand {} over to the server's user", folder.path().display()),
                    source,
                )
            })?;
        }
        if !data.join("PG_VERSION").is_file() {
            let mut command = program::command(&self.initdb, self.user, FAREWELL);
            command
                .args([
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--no-locale",
                    "--no-sync",
                    "--no-instructions",
                ])
                .args(["--username", NAME, "--pgdata"])
                .arg(&data)
                .current_dir(folder.path());
            program::run("initdb", command).await?;
        }
        let command = || {
            let mut command = program::command(&self.postgres, self.user, FAREWELL);
            command.arg("-D").arg(&data).arg("-k").arg(folder.path());
            command.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
            // Small, and not made to outlive the machine: this is a demonstration's store.
            for setting in [
                "shared_buffers=16MB",
                "max_connections=60",
                "fsync=off",
                "max_wal_size=64MB",
                "autovacuum_naptime=5min",
            ] {
                command.args(["-c", setting]);
            }
            command.current_dir(folder.path());
            command
        };
        let keep = program::keep("postgres", FAREWELL, command, stop);
        let create = create_database(port, stop);
        tokio::try_join!(keep, async {
            create.await;
            Ok(())
        })
        .map(|_| ())
    }
}

/// Makes the database as soon as the server takes connections.
async fn create_database(port: u16, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        tokio::time::sleep(START_PAUSE).await;
        let Ok(client) = connect(&config(port, "postgres")).await else {
            continue;
        };
        match client.batch_execute(&format!("CREATE DATABASE {NAME}")).await {
            Ok(()) => log::info!(database = NAME, "database made"),
            Err(error) if error.code() == Some(&SqlState::DUPLICATE_DATABASE) => {}
            Err(error) => {
                log::warn!(error = chain(&error), "the database could not be made, once more");
                continue;
            }
        }
        return;
    }
}

/// `bin` of each version below, the highest first.
fn version_folders(below: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(below) else {
        return Vec::new();
    };
    let mut versions: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, folder)| folder).collect()
}

/// User and group id of the first of [`USERS`] in the text of `/etc/passwd`.
fn user_of(passwd: &str) -> Option<(u32, u32)> {
    USERS.iter().find_map(|wanted| {
        let fields: Vec<&str> = passwd
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|fields| fields.first() == Some(wanted))?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_user_is_preferred() {
        let passwd =
            "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\npostgres:x:101:103::/var:/bin/sh\n";
        assert_eq!(user_of(passwd), Some((101, 103)));
        assert_eq!(user_of("nobody:x:65534:65534::/:/bin/false\n"), Some((65534, 65534)));
        assert_eq!(user_of("root:x:0:0::/root:/bin/sh\n"), None);
    }

    #[test]
    fn the_highest_version_comes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        for version in ["9", "15", "common"] {
            std::fs::create_dir(folder.path().join(version)).expect("a folder");
        }
        let found = version_folders(folder.path());
        assert_eq!(
            found,
            ["15", "9"].map(|version| folder.path().join(version).join("bin"))
        );
    }
}
