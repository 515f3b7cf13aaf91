//! The program: it only hands over to the commands.

fn main() -> std::process::ExitCode {
    mailproof::cli::main()
}
