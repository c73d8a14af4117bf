//! Makes what wasm-bindgen has written smaller, without leaving out anything
//! that a program can notice.
//!
//! Rust writes down for each place that may panic what would be said there and
//! where it is. In a browser nobody hears it: a panic ends in a trap, and the
//! browser shows where. So every way that leads to a panic is cut off where it
//! begins to lead nowhere else, and what only panics need goes with it.

use std::collections::HashSet;

use anyhow::{Context, Result};
use walrus::ir::{Instr, InstrSeqId, VisitorMut, dfs_pre_order_mut};
use walrus::{FunctionId, LocalFunction, Module, ModuleConfig};

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
    /// The functions' names are kept, to see what is large.
    pub keep_names: bool,
    /// The program writes nothing out with `format!` and the like.
    pub is_quiet: bool,
}

/// The program without what only panics need. It comes with its functions'
/// names.
///
/// # Errors
/// It is no WebAssembly.
pub fn slim(wasm: &[u8], options: Options) -> Result<Vec<u8>> {
    let mut module = read(wasm, options.keep_names)?;
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
    forget_places(&mut module);
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

pub(crate) fn read(wasm: &[u8], with_names: bool) -> Result<Module> {
    let mut config = ModuleConfig::new();
    config
        .generate_name_section(with_names)
        .generate_producers_section(false);
    config
        .parse(wasm)
        .context("wasm-bindgen wrote no WebAssembly")
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

/// A name without the hashes behind crates: `core[0123456789abcdef]::fmt`.
fn plain(name: &str) -> String {
    let mut parts = name.split('[');
    let mut plain = String::from(parts.next().unwrap_or_default());
    for part in parts {
        match part.split_once(']') {
            Some((hash, rest)) if hash.len() == 16 => plain.push_str(rest),
            _ => {
                plain.push('[');
                plain.push_str(part);
            }
        }
    }
    plain
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

/// Overwrites where in its source a program may panic: the names of files,
/// which would also tell where this machine keeps them, and the records that
/// say which file, how long its name is, which line and column.
fn forget_places(module: &mut Module) {
    let all: Vec<_> = module.data.iter().map(walrus::Data::id).collect();
    let mut forgotten = HashSet::new();
    for id in &all {
        let data = module.data.get_mut(*id);
        let base = address(data);
        for (at, len) in forget_files(&mut data.value) {
            forgotten.extend(base.map(|base| (base + at, len)));
        }
    }
    for id in all {
        let value = &mut module.data.get_mut(id).value;
        let mut at = 0;
        while let Some(record) = value.get_mut(at..at + PLACE) {
            let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|n| record[at + n]));
            if forgotten.contains(&(word(0) as usize, word(4) as usize)) {
                record.fill(0);
            }
            at += 4;
        }
    }
}

/// Bytes of such a record.
const PLACE: usize = 16;

/// Where a piece of data lies in memory.
fn address(data: &walrus::Data) -> Option<usize> {
    match data.kind {
        walrus::DataKind::Active {
            offset: walrus::ConstExpr::Value(walrus::ir::Value::I32(at)),
            ..
        } => usize::try_from(at).ok(),
        _ => None,
    }
}

/// Overwrites the names of source files, which begin and end with a NUL; gives
/// where they were, and how long.
fn forget_files(data: &mut [u8]) -> Vec<(usize, usize)> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let mut found = Vec::new();
    let mut at = 0;
    for (number, string) in data.split_mut(|byte| *byte == 0).enumerate() {
        let is_file = string.ends_with(b".rs")
            && string.contains(&b'/')
            && string.iter().all(|byte| is_part(*byte));
        // What is before the first NUL may have begun elsewhere.
        if is_file && number > 0 {
            string.fill(0);
            found.push((at, string.len()));
        }
        at += string.len() + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use walrus::{FunctionBuilder, ValType};

    use super::*;

    /// A program whose `run` calls an import `seen`, and then panics if its
    /// argument says so; to panic is to call an import `said`.
    fn program() -> Vec<u8> {
        let mut module = Module::default();
        let none = module.types.add(&[], &[]);
        let (seen, _) = module.add_import_func("env", "seen", none);
        let (said, _) = module.add_import_func("env", "said", none);
        let mut panic = FunctionBuilder::new(&mut module.types, &[ValType::I32], &[]);
        panic.name("core[0123456789abcdef]::panicking::panic_fmt".into());
        panic.func_body().call(said).unreachable();
        let place = module.locals.add(ValType::I32);
        let panic = panic.finish(vec![place], &mut module.funcs);
        let mut outer = FunctionBuilder::new(&mut module.types, &[], &[]);
        outer.name("bytes::panic_advance".into());
        outer.func_body().i32_const(7).call(panic).unreachable();
        let outer = outer.finish(vec![], &mut module.funcs);
        let mut run = FunctionBuilder::new(&mut module.types, &[ValType::I32], &[ValType::I32]);
        let argument = module.locals.add(ValType::I32);
        run.func_body()
            .call(seen)
            .local_get(argument)
            .if_else(
                None,
                |then| {
                    then.call(seen).i32_const(1).drop().call(outer);
                },
                |_| {},
            )
            .local_get(argument);
        let run = run.finish(vec![argument], &mut module.funcs);
        module.exports.add("run", run);
        let memory = module.memories.add_local(false, false, 1, None, None);
        module.exports.add("memory", memory);
        let kind = walrus::DataKind::Active {
            memory,
            offset: walrus::ConstExpr::Value(walrus::ir::Value::I32(0)),
        };
        module
            .data
            .add(kind, b"text\0/home/ada/src/lib.rs\0no/src/place\0".to_vec());
        module.emit_wasm()
    }

    fn has(wasm: &[u8], text: &str) -> bool {
        wasm.windows(text.len()).any(|part| part == text.as_bytes())
    }

    #[test]
    fn what_only_panics_need_is_gone_and_what_was_done_before_is_not() {
        let whole = program();
        assert!(has(&whole, "said") && has(&whole, "/home/ada"));
        let options = Options {
            keep_names: true,
            ..Options::default()
        };
        let slim = slim(&whole, options).unwrap();
        assert!(!has(&slim, "said") && !has(&slim, "panic_fmt"));
        assert!(!has(&slim, "/home/ada") && has(&slim, "no/src/place") && has(&slim, "text"));
        let module = read(&slim, true).unwrap();
        let (_, run) = module.funcs.iter_local().next().unwrap();
        assert_eq!(module.funcs.iter_local().count(), 1);
        let Some((Instr::IfElse(branch), _)) = run.block(run.entry_block()).instrs.get(2) else {
            panic!("no branch");
        };
        let branch = &run.block(branch.consequent).instrs;
        assert!(matches!(
            branch[..],
            [(Instr::Call(_), _), (Instr::Unreachable(_), _)]
        ));
    }
}
