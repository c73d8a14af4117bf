//! Makes what rustc has written smaller, without leaving out anything that a
//! program can notice. It comes before wasm-bindgen, for the linker's notes of
//! what refers to what hold only for the linker's own output.
//!
//! Rust writes down for each place that may panic what would be said there and
//! where it is. In a browser nobody hears it: a panic ends in a trap, and the
//! browser shows where. So every way that leads to a panic is cut off where it
//! begins to lead nowhere else, and what only panics need goes with it: code,
//! texts, and functions that only such texts are written with.

mod references;
mod unused;

use std::collections::HashSet;

use anyhow::{Context, Result};
use walrus::ir::{Instr, InstrSeqId, VisitorMut, dfs_pre_order_mut};
use walrus::{FunctionId, LocalFunction, Module, ModuleConfig};

use self::references::References;

/// Where Rust's standard library panics; none of these functions returns.
const PANICS: [&str; 12] = [
    "core::panicking::",
    "std::panicking::begin_panic",
    "core::str::slice_error_fail",
    "core::slice::index::slice_",
    "core::option::expect_failed",
    "core::option::unwrap_failed",
    "core::result::unwrap_failed",
    "core::cell::panic_already_",
    "alloc::raw_vec::handle_error",
    "alloc::raw_vec::capacity_overflow",
    "alloc::alloc::handle_alloc_error",
    "std::thread::local::panic_access_error",
];

/// What is to be done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The program writes nothing out with `format!` and the like.
    pub is_quiet: bool,
}

/// The program without what only panics need. It comes as the linker has made
/// it, with `--emit-relocs`.
///
/// # Errors
/// It is no WebAssembly, or comes without the linker's notes.
pub fn slim(wasm: &[u8], options: Options) -> Result<Vec<u8>> {
    let references = References::read(wasm)?;
    let mut module = read(wasm, true)?;
    for notes in ["linking", "reloc.CODE", "reloc.DATA"] {
        module.customs.remove_raw(notes);
    }
    let functions: Vec<_> = module.funcs.iter().map(walrus::Function::id).collect();
    if options.is_quiet {
        quiet(&mut module);
    }
    let mut trapping: HashSet<FunctionId> = module
        .funcs
        .iter_local()
        .filter(|(id, _)| {
            let name = module.funcs.get(*id).name.as_deref();
            name.is_some_and(panics)
        })
        .map(|(id, _)| id)
        .collect();
    for id in &trapping {
        let function = module.funcs.get_mut(*id).kind.unwrap_local_mut();
        let entry = function.entry_block();
        function.block_mut(entry).instrs.clear();
        trap(function, entry, 0);
    }
    // A function that does nothing but panic is one of them.
    loop {
        let mut found = Vec::new();
        for (id, function) in module.funcs.iter_local_mut() {
            cut(function, &trapping);
            if !trapping.contains(&id) && only_traps(function) {
                found.push(id);
            }
        }
        if found.is_empty() {
            break;
        }
        trapping.extend(found);
    }
    unused::forget_places(&mut module, &references);
    unused::leave_out(&mut module, &references, &functions);
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

pub(crate) fn read(wasm: &[u8], with_names: bool) -> Result<Module> {
    let mut config = ModuleConfig::new();
    config
        .generate_name_section(with_names)
        .generate_producers_section(false);
    config.parse(wasm).context("this is no WebAssembly")
}

/// Lets everything that Rust writes out be empty: for a program that writes
/// nothing out but when it panics.
fn quiet(module: &mut Module) {
    let formats = |name: &str| {
        let name = plain(name);
        name.starts_with("core::fmt::") || name.contains(" as core::fmt::")
    };
    let writers: Vec<_> = module
        .funcs
        .iter_local()
        .filter(|(id, function)| {
            let name = module.funcs.get(*id).name.as_deref();
            name.is_some_and(formats)
                && module.types.get(function.ty()).results() == [walrus::ValType::I32]
        })
        .map(|(id, _)| id)
        .collect();
    for id in writers {
        let function = module.funcs.get_mut(id).kind.unwrap_local_mut();
        let entry = function.entry_block();
        let instrs = &mut function.block_mut(entry).instrs;
        instrs.clear();
        // `Ok`.
        let value = walrus::ir::Value::I32(0);
        instrs.push((walrus::ir::Const { value }.into(), Default::default()));
    }
}

/// A name as it is written in Rust, without hashes: `core::fmt::write`.
fn plain(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// Whether a function of this name is one of [`PANICS`].
fn panics(name: &str) -> bool {
    let plain = plain(name);
    PANICS.iter().any(|panic| plain.starts_with(panic))
}

/// Ends every sequence of a function at the first thing that is sure to trap.
fn cut(function: &mut LocalFunction, trapping: &HashSet<FunctionId>) {
    struct Find<'a> {
        trapping: &'a HashSet<FunctionId>,
        found: Vec<(InstrSeqId, usize)>,
    }
    impl VisitorMut for Find<'_> {
        fn start_instr_seq_mut(&mut self, seq: &mut walrus::ir::InstrSeq) {
            let at = seq.instrs.iter().position(|(instr, _)| match instr {
                Instr::Unreachable(_) => true,
                Instr::Call(call) => self.trapping.contains(&call.func),
                _ => false,
            });
            if let Some(at) = at {
                self.found.push((seq.id(), at));
            }
        }
    }
    let mut find = Find {
        trapping,
        found: Vec::new(),
    };
    let entry = function.entry_block();
    dfs_pre_order_mut(&mut find, function, entry);
    for (seq, at) in find.found {
        trap(function, seq, at);
    }
}

/// Lets a sequence trap before the instruction `at`, and leaves out what is
/// done before that and nobody sees. The values that stay behind on the stack
/// are no matter: what follows a trap may find there what it likes.
fn trap(function: &mut LocalFunction, seq: InstrSeqId, at: usize) {
    let instrs = &mut function.block_mut(seq).instrs;
    let seen = instrs[..at]
        .iter()
        .rposition(|(instr, _)| !is_unseen(instr));
    instrs.truncate(seen.map_or(0, |seen| seen + 1));
    instrs.push((walrus::ir::Unreachable {}.into(), Default::default()));
}

/// Whether nobody can tell that this was done before a trap: it neither goes
/// elsewhere nor calls anything.
fn is_unseen(instr: &Instr) -> bool {
    matches!(
        instr,
        Instr::LocalGet(_)
            | Instr::LocalSet(_)
            | Instr::LocalTee(_)
            | Instr::GlobalGet(_)
            | Instr::GlobalSet(_)
            | Instr::Const(_)
            | Instr::Binop(_)
            | Instr::Unop(_)
            | Instr::Select(_)
            | Instr::Drop(_)
            | Instr::Load(_)
            | Instr::Store(_)
            | Instr::MemoryCopy(_)
            | Instr::MemoryFill(_)
    )
}

fn only_traps(function: &LocalFunction) -> bool {
    let instrs = &function.block(function.entry_block()).instrs;
    matches!(instrs[..], [(Instr::Unreachable(_), _)])
}

#[cfg(test)]
mod tests;
