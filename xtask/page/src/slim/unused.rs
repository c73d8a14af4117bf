//! Leaves out data that nothing refers to any more, and functions that could be
//! called through the table but by nobody.

use std::collections::HashSet;

use walrus::ir::{
    Call, Const, Instr, InstrLocId, InstrSeq, Load, RefFunc, Store, Value, Visitor, VisitorMut,
    dfs_in_order, dfs_pre_order_mut,
};
use walrus::{
    DataKind, ElementItems, ExportItem, FunctionBuilder, FunctionId, FunctionKind, Module,
};

use super::references::{Piece, References, Target};

/// Bytes that say where in its source a program may panic: a file's name, its
/// length, line and column.
const PLACE: usize = 16;

/// Lets all places in the source be one, since nobody hears of any, and
/// overwrites the names of their files, which would also tell where this
/// machine keeps them.
pub(super) fn forget_places(module: &mut Module, references: &References) {
    let data: Vec<_> = module.data.iter().map(walrus::Data::id).collect();
    let content = |module: &Module, piece: &Piece| {
        let data = module.data.get(*data.get(piece.segment)?);
        Some(data.value.get(piece.range.clone())?.to_vec())
    };
    let mut places = HashSet::new();
    let mut forgotten = Vec::new();
    for (number, piece) in references.pieces.iter().enumerate() {
        if let [(0, Target::Piece(file))] = piece.targets[..]
            && piece.range.len() == PLACE
            && content(module, &references.pieces[file]).is_some_and(|name| is_file(&name))
        {
            places.insert(number);
            forgotten.extend([piece, &references.pieces[file]]);
        }
    }
    let Some(address) = forgotten.first().and_then(|place| {
        let DataKind::Active { offset, .. } = &module.data.get(*data.get(place.segment)?).kind
        else {
            return None;
        };
        let walrus::ConstExpr::Value(Value::I32(begin)) = offset else {
            return None;
        };
        Some(begin + i32::try_from(place.range.start).ok()?)
    }) else {
        return;
    };
    for piece in forgotten {
        let value = &mut module.data.get_mut(data[piece.segment]).value;
        value[piece.range.clone()].fill(0);
    }
    let mut one = One {
        references,
        places,
        address,
    };
    for (_, function) in module.funcs.iter_local_mut() {
        let entry = function.entry_block();
        dfs_pre_order_mut(&mut one, function, entry);
    }
}

/// Puts the one place where others are named.
struct One<'a> {
    references: &'a References,
    places: HashSet<usize>,
    address: i32,
}

impl VisitorMut for One<'_> {
    fn start_instr_seq_mut(&mut self, seq: &mut InstrSeq) {
        for (instr, at) in &mut seq.instrs {
            if let Instr::Const(constant) = instr
                && let Some(piece) = self.references.of_constant(*at)
                && self.places.contains(&piece)
            {
                constant.value = Value::I32(self.address);
                *at = InstrLocId::default();
            }
        }
    }
}

fn is_file(name: &[u8]) -> bool {
    let name = name.strip_suffix(b"\0").unwrap_or(name);
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"/\\:._-<> ".contains(byte);
    name.ends_with(b".rs") && name.iter().all(is_part)
}

/// What the program can come to from what is called from outside.
struct Used<'a> {
    references: &'a References,
    /// All functions, by index.
    functions: &'a [FunctionId],
    found: HashSet<FunctionId>,
    /// Those of them that are called through the table.
    in_table: HashSet<FunctionId>,
    pieces: HashSet<usize>,
    /// To be looked into.
    waiting: Vec<Target>,
    waiting_functions: Vec<FunctionId>,
}

impl Used<'_> {
    fn function(&mut self, id: FunctionId) {
        if self.found.insert(id) {
            self.waiting_functions.push(id);
        }
    }

    fn target(&mut self, target: Target) {
        match target {
            Target::Piece(piece) => {
                if self.pieces.insert(piece) {
                    let targets = &self.references.pieces[piece].targets;
                    self.waiting
                        .extend(targets.iter().map(|(_, target)| *target));
                }
            }
            Target::Function(index) => {
                let id = self.functions[index as usize];
                self.in_table.insert(id);
                self.function(id);
            }
        }
    }

    fn look(&mut self, module: &Module) {
        loop {
            if let Some(target) = self.waiting.pop() {
                self.target(target);
            } else if let Some(id) = self.waiting_functions.pop() {
                if let FunctionKind::Local(function) = &module.funcs.get(id).kind {
                    dfs_in_order(self, function, function.entry_block());
                }
            } else {
                return;
            }
        }
    }
}

impl<'instr> Visitor<'instr> for Used<'_> {
    fn visit_instr(&mut self, instr: &'instr Instr, at: &'instr InstrLocId) {
        match instr {
            Instr::Call(Call { func }) | Instr::RefFunc(RefFunc { func }) => self.function(*func),
            Instr::Const(Const { .. }) | Instr::Load(Load { .. }) | Instr::Store(Store { .. }) => {
                let references = self.references;
                self.waiting.extend(references.of(*at));
            }
            _ => {}
        }
    }
}

/// See the module. `functions` are all there were, by index.
pub(super) fn leave_out(module: &mut Module, references: &References, functions: &[FunctionId]) {
    let mut used = Used {
        references,
        functions,
        found: HashSet::new(),
        in_table: HashSet::new(),
        pieces: HashSet::new(),
        waiting: Vec::new(),
        waiting_functions: Vec::new(),
    };
    for export in module.exports.iter() {
        if let ExportItem::Function(id) = export.item {
            used.function(id);
        }
    }
    if let Some(start) = module.start {
        used.function(start);
    }
    for (number, piece) in references.pieces.iter().enumerate() {
        if piece.is_seen {
            used.target(Target::Piece(number));
        }
    }
    used.look(module);
    let Used {
        in_table, pieces, ..
    } = used;

    let ids: Vec<_> = module.data.iter().map(walrus::Data::id).collect();
    for (segment, id) in ids.into_iter().enumerate() {
        let value = &mut module.data.get_mut(id).value;
        let mut is_unused = vec![false; value.len()];
        let here = references.pieces.iter().enumerate();
        let here = here.filter(|(_, piece)| piece.segment == segment);
        let (live, dead): (Vec<_>, Vec<_>) = here.partition(|(number, _)| pieces.contains(number));
        // A piece may have several names.
        for (all, is) in [(dead, true), (live, false)] {
            for (_, piece) in all {
                if let Some(part) = is_unused.get_mut(piece.range.clone()) {
                    part.fill(is);
                }
            }
        }
        for (byte, is_unused) in value.iter_mut().zip(is_unused) {
            *byte = if is_unused { 0 } else { *byte };
        }
    }

    let mut nothing = FunctionBuilder::new(&mut module.types, &[], &[]);
    nothing.func_body().unreachable();
    let nothing = nothing.finish(Vec::new(), &mut module.funcs);
    for element in module.elements.iter_mut() {
        if let ElementItems::Functions(all) = &mut element.items {
            for id in all {
                if !in_table.contains(id) {
                    *id = nothing;
                }
            }
        }
    }
}
