//! `skopos check web-config`: reads web configurations and what they name, as a server would.

use std::process::ExitCode;

use skopos_server::WebGuard;

use crate::banner::print_line;
use crate::cli::CheckWebConfigArgs;

/// Checks every file, prints the outcome, and gives the exit code: 0 fine, 1 broken.
pub(crate) fn run(args: &CheckWebConfigArgs) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for file in &args.files {
        match WebGuard::open(file) {
            Ok(_) => print_line(&format!("{}: ok", file.display())),
            Err(error) => {
                code = ExitCode::FAILURE;
                print_line(&format!("{}: broken\n  {error}", file.display()));
            }
        }
    }
    code
}
