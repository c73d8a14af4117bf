//! Puts functions that are alike beside each other, where they compress better.

use anyhow::{Context, Result, anyhow};
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{CodeSection, FunctionSection, Module};
use wasmparser::{CodeSectionReader, FunctionBody, FunctionSectionReader};
use wasmparser::{Parser, Payload, TypeRef};

/// The program with its functions in the order of their bytes: of their locals,
/// then of what they do first.
///
/// # Errors
/// It is no WebAssembly.
pub fn order(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut imported = 0;
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.context("this is no WebAssembly")? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(&wasm[body.range()]),
            _ => {}
        }
    }
    let mut order: Vec<usize> = (0..bodies.len()).collect();
    order.sort_by_key(|number| bodies[*number]);
    let mut places = vec![0; order.len()];
    for (place, number) in (0..).zip(&order) {
        places[*number] = place;
    }
    let mut ordered = Ordered {
        imported,
        order,
        places,
    };
    let mut module = Module::new();
    ordered
        .parse_core_module(&mut module, Parser::new(0), wasm)
        .map_err(|error| anyhow!("its functions cannot be put in order: {error}"))?;
    Ok(module.finish())
}

struct Ordered {
    /// How many functions there are before the program's own.
    imported: u32,
    /// The numbers that its own had.
    order: Vec<usize>,
    /// Where each of them is now, by the number that it had.
    places: Vec<u32>,
}

impl Reencode for Ordered {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Self::Error>> {
        let own = function.checked_sub(self.imported);
        let place = own.and_then(|number| self.places.get(number as usize));
        Ok(place.map_or(function, |place| self.imported + place))
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        let types = section.into_iter().collect::<Result<Vec<u32>, _>>()?;
        for number in &self.order {
            functions.function(types[*number]);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        let bodies = section
            .into_iter()
            .collect::<Result<Vec<FunctionBody<'_>>, _>>()?;
        for number in self.order.clone() {
            self.parse_function_body(code, bodies[number].clone())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use walrus::{FunctionBuilder, ModuleConfig};

    use super::*;

    #[test]
    fn functions_are_neighbours_of_their_like_and_are_called_as_before() {
        let mut module = walrus::Module::default();
        let none = module.types.add(&[], &[]);
        let (seen, _) = module.add_import_func("env", "seen", none);
        let mut add = |name: &str, called: &[walrus::FunctionId], number: i32| {
            let mut function = FunctionBuilder::new(&mut module.types, &[], &[]);
            function.name(name.into());
            let mut body = function.func_body();
            body.i32_const(number).drop();
            for id in called {
                body.call(*id);
            }
            function.finish(vec![], &mut module.funcs)
        };
        let one = add("one", &[seen, seen, seen], 2);
        let other = add("other", &[one], 1);
        let run = add("run", &[other, one, seen], 3);
        module.exports.add("run", run);
        module.start = Some(other);

        let wasm = order(&module.emit_wasm()).unwrap();
        let names = |wasm: &[u8]| {
            let module = ModuleConfig::new().parse(wasm).unwrap();
            let functions = module.funcs.iter_local();
            let names: Vec<_> = functions
                .map(|(id, _)| module.funcs.get(id).name.clone().unwrap())
                .collect();
            (
                names,
                module
                    .start
                    .map(|id| module.funcs.get(id).name.clone().unwrap()),
            )
        };
        let (all, start) = names(&wasm);
        assert_eq!(
            (all, start.as_deref()),
            (
                vec!["other".into(), "one".into(), "run".into()],
                Some("other")
            )
        );
        let module = ModuleConfig::new().parse(&wasm).unwrap();
        let run = module.exports.get_func("run").unwrap();
        let body = module.funcs.get(run).kind.unwrap_local();
        let called: Vec<_> = body
            .block(body.entry_block())
            .instrs
            .iter()
            .filter_map(|(instr, _)| match instr {
                walrus::ir::Instr::Call(call) => module.funcs.get(call.func).name.clone(),
                _ => None,
            })
            .collect();
        assert_eq!(called[..2], ["other", "one"]);
    }
}
