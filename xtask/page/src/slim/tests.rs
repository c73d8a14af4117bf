use walrus::{ConstExpr, DataKind, ElementItems, ElementKind, FunctionBuilder, RefType, ValType};
use wasmparser::{Operator, Parser, Payload};

use super::*;

/// Where the data begins, and what it is: a text that `run` uses, with the
/// function `kept` behind it; a text that only a panic uses, with `lost`; a
/// source file's name, and a place in it.
const BASE: i32 = 1024;
const DATA: &[u8] = b"text\x01\0\0\0said\x02\0\0\0/home/ada/src/lib.rs\0\0\0\0\x10\x04\0\0\x14\0\0\0\x07\0\0\0\x01\0\0\0";
const TEXT: i32 = BASE;
const SAID: i32 = BASE + 8;
const FILE: i32 = BASE + 16;
const PLACE: i32 = BASE + 40;

/// A program whose `run` calls an import `seen`, and then panics if its
/// argument says so; to panic is to call an import `said`.
fn program() -> Vec<u8> {
    let mut module = Module::default();
    let none = module.types.add(&[], &[]);
    let (seen, _) = module.add_import_func("env", "seen", none);
    let (said, _) = module.add_import_func("env", "said", none);
    let mut panic = FunctionBuilder::new(&mut module.types, &[ValType::I32], &[]);
    panic.name("_ZN4core9panicking9panic_fmt17h0123456789abcdefE".into());
    panic.func_body().call(said).unreachable();
    let place = module.locals.add(ValType::I32);
    let panic = panic.finish(vec![place], &mut module.funcs);
    let mut outer = FunctionBuilder::new(&mut module.types, &[], &[]);
    outer.name("_ZN5bytes13panic_advance17h0123456789abcdefE".into());
    outer.func_body().i32_const(SAID).call(panic).unreachable();
    let outer = outer.finish(vec![], &mut module.funcs);
    let in_table = ["kept", "lost"].map(|name| {
        let mut function = FunctionBuilder::new(&mut module.types, &[], &[]);
        function.name(name.into());
        function.func_body().call(seen).call(seen);
        function.finish(vec![], &mut module.funcs)
    });
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
        .i32_const(PLACE)
        .drop()
        .i32_const(TEXT);
    let run = run.finish(vec![argument], &mut module.funcs);
    module.exports.add("run", run);
    let table = module.tables.add_local(false, 3, None, RefType::FUNCREF);
    module.exports.add("table", table);
    let at = |place| ConstExpr::Value(walrus::ir::Value::I32(place));
    let kind = ElementKind::Active {
        table,
        offset: at(1),
    };
    let items = ElementItems::Functions(in_table.into());
    let elements = module.elements.add(kind, items);
    module.tables.get_mut(table).elem_segments.insert(elements);
    let memory = module.memories.add_local(false, false, 1, None, None);
    module.exports.add("memory", memory);
    let offset = at(BASE);
    module
        .data
        .add(DataKind::Active { memory, offset }, DATA.to_vec());
    with_notes(module.emit_wasm())
}

/// Numbers as WebAssembly writes them (LEB128).
fn numbers(values: &[usize]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in values {
        let mut value = *value;
        while value > 127 {
            bytes.push(value as u8 | 128);
            value >>= 7;
        }
        bytes.push(value as u8);
    }
    bytes
}

/// The program with the notes that a linker would add.
fn with_notes(mut wasm: Vec<u8>) -> Vec<u8> {
    const MEMORY_SLEB: usize = 4;
    const MEMORY_I32: usize = 5;
    const TABLE_I32: usize = 2;
    let module = read(&wasm, true).unwrap();
    let index = |name| {
        let mut all = module.funcs.iter();
        all.position(|f| f.name.as_deref() == Some(name)).unwrap()
    };
    // Four pieces of data, then the two functions.
    let mut table = numbers(&[6]);
    for (begin, size) in [(TEXT, 8), (SAID, 8), (FILE, 21), (PLACE, 16)] {
        table.extend(numbers(&[1, 0, 1, 120, 0, (begin - BASE) as usize, size]));
    }
    for name in ["kept", "lost"] {
        table.extend(numbers(&[0, 0, index(name), 1, 120]));
    }
    let mut linking = numbers(&[2, 8, table.len()]);
    linking.extend(table);

    let (mut code, mut entries, mut count) = (0, Vec::new(), 0);
    for payload in Parser::new(0).parse_all(&wasm) {
        match payload.unwrap() {
            Payload::CodeSectionStart { range, .. } => code = range.start,
            Payload::CodeSectionEntry(body) => {
                let mut operators = body.get_operators_reader().unwrap();
                while !operators.eof() {
                    let (operator, at) = operators.read_with_offset().unwrap();
                    if let Operator::I32Const { value } = operator
                        && let Some(symbol) =
                            [TEXT, SAID, FILE, PLACE].iter().position(|p| *p == value)
                    {
                        entries.extend(numbers(&[MEMORY_SLEB, at + 1 - code, symbol, 0]));
                        count += 1;
                    }
                }
            }
            _ => {}
        }
    }
    let mut of_code = numbers(&[0, count]);
    of_code.extend(entries);
    // What is before the content in its section: one segment, active, at an
    // address of two bytes, and its length.
    let before = 1 + 1 + 4 + 1;
    let of_data = numbers(&[
        0,
        3,
        TABLE_I32,
        before + 4,
        4,
        TABLE_I32,
        before + 12,
        5,
        MEMORY_I32,
        before + 40,
        2,
        0,
    ]);
    for (name, content) in [
        ("linking", linking),
        ("reloc.CODE", of_code),
        ("reloc.DATA", of_data),
    ] {
        wasm.extend(numbers(&[0, 1 + name.len() + content.len(), name.len()]));
        wasm.extend(name.as_bytes());
        wasm.extend(content);
    }
    wasm
}

fn has(wasm: &[u8], text: &str) -> bool {
    wasm.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn what_only_panics_need_is_gone_and_what_was_done_before_is_not() {
    let whole = program();
    assert!(has(&whole, "said") && has(&whole, "/home/ada"));
    let slim = slim(&whole, Options::default()).unwrap();
    assert!(!has(&slim, "said") && !has(&slim, "panic_fmt"));
    assert!(!has(&slim, "/home/ada") && has(&slim, "text"));
    let module = read(&slim, true).unwrap();
    let (_, run) = module
        .funcs
        .iter_local()
        .find(|(_, function)| module.types.get(function.ty()).results() == [ValType::I32])
        .unwrap();
    let instrs = &run.block(run.entry_block()).instrs;
    let Some((Instr::IfElse(branch), _)) = instrs.get(2) else {
        panic!("no branch");
    };
    let branch = &run.block(branch.consequent).instrs;
    assert!(matches!(
        branch[..],
        [(Instr::Call(_), _), (Instr::Unreachable(_), _)]
    ));
}

#[test]
fn functions_that_only_what_is_gone_refers_to_are_gone_from_the_table() {
    let slim = slim(&program(), Options::default()).unwrap();
    let module = read(&slim, true).unwrap();
    let elements = module.elements.iter().next().unwrap();
    let ElementItems::Functions(all) = &elements.items else {
        panic!("no functions");
    };
    let names = all.iter().map(|id| module.funcs.get(*id).name.as_deref());
    assert!(names.eq([Some("kept"), None]));
    assert!(!has(&slim, "lost"));
    let data = module.data.iter().next().unwrap();
    assert_eq!(data.value[..8], DATA[..8]);
    assert!(data.value[8..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_program_without_its_linkers_notes_is_refused() {
    let wasm = Module::default().emit_wasm();
    let error = slim(&wasm, Options::default()).unwrap_err();
    assert!(error.to_string().contains("--emit-relocs"));
}
