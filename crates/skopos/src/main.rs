//! The Skopos binary: reads the command line, runs the command, and turns errors into exit codes
//! (0 fine, 1 failed, 2 usage, 3 findings).

mod alerts;
mod backtest;
mod banner;
mod check;
mod cli;
mod collect;
mod dead_letters;
mod demo;
mod dlq;
mod export;
mod fault;
mod features;
mod import;
mod incidents;
mod node;
mod notifications;
mod prove;
mod query;
mod receiver;
mod silence;
mod telemetry;
mod test;

use std::process::ExitCode;

use anyhow::Context as _;

use cli::{CheckCommand, Cli, Command};

fn main() -> ExitCode {
    match run(Cli::read()) {
        Ok(code) => code,
        Err(error) => {
            banner::print_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        None => serve(&cli.serve),
        Some(Command::Serve(args)) => serve(&args),
        Some(Command::Demo(args)) => demo(*args),
        Some(Command::Fleet(command)) => {
            set_up_tls()?;
            skopos_fleet::run(command)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Fault(args)) => {
            set_up_tls()?;
            runtime()?.block_on(fault::run(&args))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Check(CheckCommand::Config(args))) => Ok(check::run(&args)),
        Some(Command::Check(CheckCommand::WebConfig(args))) => Ok(check::web_config::run(&args)),
        Some(Command::Check(CheckCommand::Rules(args))) => {
            set_up_tls()?;
            runtime()?.block_on(check::rules::run(&args))
        }
        Some(Command::Check(CheckCommand::Alertmanager(args))) => {
            // Clients are built as a server would build them, though none is used.
            set_up_tls()?;
            check::alertmanager::run(&args)
        }
        Some(Command::Test(cli::test::TestCommand::Rules(args))) => test::run(&args),
        Some(Command::Query(command)) => ask(query::run(command)),
        Some(Command::Alerts(args)) => ask(alerts::run(args)),
        Some(Command::Silence(command)) => ask(silence::run(command)),
        Some(Command::Notifications(command)) => ask(notifications::run(command)),
        Some(Command::Incidents(command)) => ask(incidents::run(command)),
        Some(Command::Dlq(command)) => ask(dlq::run(command)),
        Some(Command::Receiver(command)) => {
            set_up_tls()?;
            runtime()?.block_on(receiver::run(command))
        }
        Some(Command::Drill(args)) => {
            set_up_tls()?;
            runtime()?.block_on(receiver::drill(&args))
        }
        Some(Command::Prove(args)) => prove::run(&args),
        Some(Command::Backtest(args)) => {
            set_up_tls()?;
            runtime()?.block_on(backtest::run(*args))
        }
        Some(Command::Dead(args)) => {
            set_up_tls()?;
            runtime()?.block_on(prove::run_dead(args))
        }
        Some(Command::Coverage(args)) => ask(prove::run_coverage(args)),
        Some(Command::Import(command)) => import::run(&command),
        Some(Command::Export(args)) => {
            export::run(&args)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Version(args)) => {
            banner::print_version(args.json);
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Cli::shaped(), "skopos", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn serve(args: &cli::serve::ServeArgs) -> anyhow::Result<ExitCode> {
    set_up_tls()?;
    let telemetry = telemetry::Telemetry::start(&args.log_level, args.log_format)?;
    runtime()?.block_on(async {
        let node = Box::pin(node::Node::start(args, telemetry, None)).await?;
        node.asked_to_stop().await;
        node.stop().await
    })?;
    Ok(ExitCode::SUCCESS)
}

fn demo(args: cli::demo::DemoArgs) -> anyhow::Result<ExitCode> {
    if demo::list_faults(&args) {
        return Ok(ExitCode::SUCCESS);
    }
    set_up_tls()?;
    let telemetry = telemetry::Telemetry::start(&args.serve.log_level, args.serve.log_format)?;
    runtime()?.block_on(demo::run(args, telemetry))?;
    Ok(ExitCode::SUCCESS)
}

/// Asks a server; an answer is a success.
fn ask(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<ExitCode> {
    set_up_tls()?;
    runtime()?.block_on(work)?;
    Ok(ExitCode::SUCCESS)
}

/// One crypto provider for the process.
fn set_up_tls() -> anyhow::Result<()> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider is installed already"))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        // Short queries are evaluated on these threads.
        .thread_stack_size(skopos_server::QUERY_STACK_BYTES)
        .enable_all()
        .build()
        .context("failed to start the async runtime")
}
