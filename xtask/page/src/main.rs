//! Makes the folder that the broker embeds and serves: `index.html`, read as
//! trunk reads it, with the dashboard's wasm, script, styles and files beside
//! it.
//!
//! Files whose name ends in `-` and 16 hexadecimal digits before the extension
//! are named by their content and may be cached for ever; the others may not.
//! No script or style is written into the page itself, so it works under
//! `script-src 'self' 'wasm-unsafe-eval'; style-src 'self'`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program: printing is how it answers"
)]

mod bindgen;
mod html;
mod output;
mod page;
mod small;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Makes the dashboard's folder from its parts.
#[derive(Parser)]
struct Args {
    /// The page's source, with trunk's `data-trunk` links.
    #[arg(long)]
    index: PathBuf,
    /// The dashboard as cargo built it.
    #[arg(long)]
    wasm: PathBuf,
    /// The folder to fill; what does not belong there is removed.
    #[arg(long)]
    out: PathBuf,
    /// Where compressed files are kept between runs.
    #[arg(long)]
    cache: PathBuf,
    /// Keep the functions' names, to see what is large.
    #[arg(long)]
    names: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match page::make(&args.index, &args.wasm, &args.out, &args.cache, args.names) {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
