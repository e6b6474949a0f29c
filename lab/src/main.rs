//! The `lab` program: everything is in the library.

fn main() -> std::process::ExitCode {
    lab::cli::run()
}
