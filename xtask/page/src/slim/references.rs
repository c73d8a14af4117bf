//! What in a program refers to data, and to functions by their place in the
//! table, as its linker has written it down (`--emit-relocs`).

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Context, Result, ensure};
use walrus::ir::InstrLocId;
use wasmparser::{
    KnownCustom, Linking, Parser, Payload, RelocSectionReader, RelocationType, SymbolFlags,
    SymbolInfo,
};

/// What is referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A piece of data, by its place among [`References::pieces`].
    Piece(usize),
    /// A function, by its index.
    Function(u32),
}

/// Data that is known by one name.
#[derive(Debug)]
pub(super) struct Piece {
    /// The number of its data segment.
    pub(super) segment: usize,
    /// Where it is in that segment.
    pub(super) range: Range<usize>,
    /// What it refers to, and where in the piece.
    pub(super) targets: Vec<(usize, Target)>,
    /// Whether others than the program may look at it.
    pub(super) is_seen: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct References {
    pub(super) pieces: Vec<Piece>,
    /// What instructions refer to, by where that stands in the file.
    code: HashMap<usize, Target>,
}

/// Bytes of an instruction before what it refers to: at most an opcode of two,
/// and an alignment.
const BEFORE: Range<usize> = 1..4;

impl References {
    /// Reads what the linker has written.
    pub(super) fn read(wasm: &[u8]) -> Result<Self> {
        let mut references = Self::default();
        let mut code = 0;
        // Of the section, and of each segment's content.
        let mut data = 0;
        let mut segments = Vec::new();
        let mut symbols = Vec::new();
        let mut relocations = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.context("this is no WebAssembly")? {
                Payload::CodeSectionStart { range, .. } => code = range.start,
                Payload::DataSection(section) => {
                    data = section.range().start;
                    for segment in section {
                        let segment = segment?;
                        segments.push(segment.range.end - segment.data.len());
                    }
                }
                Payload::CustomSection(section) => match section.as_known() {
                    KnownCustom::Linking(linking) => {
                        for part in linking.subsections() {
                            if let Linking::SymbolTable(table) = part? {
                                for symbol in table {
                                    symbols.push(references.add(&symbol?));
                                }
                            }
                        }
                    }
                    KnownCustom::Reloc(reader) => {
                        relocations.push((section.name() == "reloc.CODE", reader));
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        ensure!(
            !symbols.is_empty() && !relocations.is_empty(),
            "its linker has not written down what refers to what: link it with --emit-relocs"
        );
        for (is_code, reader) in relocations {
            if is_code {
                for (at, target) in targets(&reader, code, &symbols)? {
                    references.code.insert(at, target);
                }
            } else {
                let all = targets(&reader, data, &symbols)?;
                references.add_to_pieces(all, &segments);
            }
        }
        Ok(references)
    }

    /// What a symbol stands for; nothing if it is no data, or data of the
    /// linker's own.
    fn add(&mut self, symbol: &SymbolInfo<'_>) -> Option<Target> {
        match symbol {
            SymbolInfo::Func { index, .. } => Some(Target::Function(*index)),
            SymbolInfo::Data { flags, symbol, .. } => {
                let symbol = (*symbol)?;
                let begin = symbol.offset as usize;
                self.pieces.push(Piece {
                    segment: symbol.index as usize,
                    range: begin..begin + symbol.size as usize,
                    targets: Vec::new(),
                    is_seen: flags.intersects(SymbolFlags::EXPORTED | SymbolFlags::NO_STRIP),
                });
                Some(Target::Piece(self.pieces.len() - 1))
            }
            _ => None,
        }
    }

    fn add_to_pieces(&mut self, targets: Vec<(usize, Target)>, segments: &[usize]) {
        // By where they are in the file; several names may have one range.
        let position = |piece: &Piece| Some(segments.get(piece.segment)? + piece.range.start);
        let mut all: Vec<_> = (0..self.pieces.len())
            .filter_map(|piece| Some((position(&self.pieces[piece])?, piece)))
            .collect();
        all.sort_unstable();
        for (at, target) in targets {
            let behind = all.partition_point(|(begin, _)| *begin <= at);
            for (begin, piece) in all[..behind].iter().rev() {
                let piece = &mut self.pieces[*piece];
                if at < begin + piece.range.len() {
                    piece.targets.push((at - begin, target));
                } else if !piece.range.is_empty() {
                    break;
                }
            }
        }
    }

    /// What the instruction at this place refers to.
    pub(super) fn of(&self, instr: InstrLocId) -> impl Iterator<Item = Target> {
        let at = (!instr.is_default()).then(|| instr.data() as usize);
        let places = at.into_iter().flat_map(|at| BEFORE.map(move |n| at + n));
        places.filter_map(|at| self.code.get(&at).copied())
    }

    /// The piece of data whose address the constant at this place is.
    pub(super) fn of_constant(&self, instr: InstrLocId) -> Option<usize> {
        let at = (!instr.is_default()).then(|| instr.data() as usize + 1)?;
        match self.code.get(&at) {
            Some(Target::Piece(piece)) => Some(*piece),
            _ => None,
        }
    }
}

/// What a section, whose content begins at `begin`, refers to: where, and what.
fn targets(
    reader: &RelocSectionReader<'_>,
    begin: usize,
    symbols: &[Option<Target>],
) -> Result<Vec<(usize, Target)>> {
    let mut targets = Vec::new();
    for entry in reader.entries() {
        let entry = entry?;
        let is_wanted = matches!(
            entry.ty,
            RelocationType::TableIndexSleb
                | RelocationType::TableIndexI32
                | RelocationType::MemoryAddrLeb
                | RelocationType::MemoryAddrSleb
                | RelocationType::MemoryAddrI32
        );
        if is_wanted && let Some(Some(target)) = symbols.get(entry.index as usize) {
            targets.push((begin + entry.offset as usize, *target));
        }
    }
    Ok(targets)
}
