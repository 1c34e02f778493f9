//! Puts a checked module together again, instrumented, without its active data.

use std::collections::BTreeMap;

use wasm_encoder::{
    BlockType, BranchHints, CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection,
    ExportKind, ExportSection, FunctionSection, GlobalSection, GlobalType, MemorySection, Module,
    TableSection, TypeSection, ValType,
    reencode::{Error, Reencode},
};
use wasmparser::DataKind;

use super::{
    check::Sections,
    exports,
    imports::{self, Shifted, shifted},
    instrument::{self, Added},
};

/// Encodes the instrumented module. Custom sections are left out: nothing runs on them.
pub(super) fn assemble(sections: &Sections<'_>) -> Result<Vec<u8>, Error> {
    let added = added(sections);
    let mut module = Module::new();
    let types = Types::new(sections)?;
    module.section(&types.section);
    module.section(&imports::section(types.slice));
    module.section(&functions(sections, &types));
    if let Some(tables) = sections.tables.clone() {
        let mut section = TableSection::new();
        Shifted.parse_table_section(&mut section, tables)?;
        module.section(&section);
    }
    if let Some(memories) = sections.memories.clone() {
        let mut section = MemorySection::new();
        Shifted.parse_memory_section(&mut section, memories)?;
        module.section(&section);
    }
    module.section(&globals(sections)?);
    module.section(&exports(sections, added)?);
    if let Some(elements) = sections.elements.clone() {
        let mut section = ElementSection::new();
        Shifted.parse_element_section(&mut section, elements)?;
        module.section(&section);
    }
    if let Some(count) = sections.data_count {
        module.section(&DataCountSection { count });
    }
    let (code, hints) = code(sections, &types, added)?;
    module.section(&hints);
    module.section(&code);
    if sections.data_count.is_some() {
        module.section(&data(sections)?);
    }
    Ok(module.finish())
}

fn added(sections: &Sections<'_>) -> Added {
    let functions = shifted(count(sections.functions.len()));
    let globals = count(sections.globals.len());
    Added {
        gas: globals,
        depth: globals.saturating_add(1),
        refill: functions,
        grow: functions.saturating_add(1),
        bytes: functions.saturating_add(2),
    }
}

/// Counts of items are limited long before they leave an index's range.
fn count(length: usize) -> u32 {
    u32::try_from(length).expect("checked modules have fewer items than an index can name")
}

/// The function types, with those that the preparation needs behind them.
struct Types {
    section: TypeSection,
    /// The type of the import.
    slice: u32,
    /// The type of the added function that calls it.
    refill: u32,
    /// The type of the other added functions.
    helper: u32,
    /// Block types of several results, by results.
    blocks: BTreeMap<Vec<String>, u32>,
}

impl Types {
    fn new(sections: &Sections<'_>) -> Result<Self, Error> {
        let mut section = TypeSection::new();
        if let Some(types) = sections.type_section.clone() {
            Shifted.parse_type_section(&mut section, types)?;
        }
        let slice = section.len();
        section.ty().function([ValType::I64], [ValType::I64]);
        let refill = section.len();
        section.ty().function([], []);
        let helper = section.len();
        section.ty().function([ValType::I32], [ValType::I32]);
        let mut types = Self { section, slice, refill, helper, blocks: BTreeMap::new() };
        for ty in sections.types.iter().filter(|ty| ty.results().len() > 1) {
            if let std::collections::btree_map::Entry::Vacant(entry) =
                types.blocks.entry(key(ty.results()))
            {
                entry.insert(types.section.len());
                let results = Shifted.val_types(ty.results().to_vec())?;
                types.section.ty().function([], results);
            }
        }
        Ok(types)
    }

    fn block(&self, results: &[wasmparser::ValType]) -> Result<BlockType, Error> {
        Ok(match results {
            [] => BlockType::Empty,
            [one] => BlockType::Result(Shifted.val_type(*one)?),
            more => BlockType::FunctionType(
                *self.blocks.get(&key(more)).expect("every list of results was entered"),
            ),
        })
    }
}

fn key(results: &[wasmparser::ValType]) -> Vec<String> {
    results.iter().map(ToString::to_string).collect()
}

fn functions(sections: &Sections<'_>, types: &Types) -> FunctionSection {
    let mut section = FunctionSection::new();
    for ty in &sections.functions {
        section.function(*ty);
    }
    section.function(types.refill).function(types.helper).function(types.helper);
    section
}

fn globals(sections: &Sections<'_>) -> Result<GlobalSection, Error> {
    let mut section = GlobalSection::new();
    if let Some(globals) = sections.global_section.clone() {
        Shifted.parse_global_section(&mut section, globals)?;
    }
    let counter = |val_type| GlobalType { val_type, mutable: true, shared: false };
    section.global(counter(ValType::I64), &ConstExpr::i64_const(0));
    section.global(counter(ValType::I32), &ConstExpr::i32_const(0));
    Ok(section)
}

fn exports(sections: &Sections<'_>, added: Added) -> Result<ExportSection, Error> {
    let mut section = ExportSection::new();
    for export in &sections.exports {
        Shifted.parse_export(&mut section, *export)?;
    }
    for (index, _) in (0..).zip(&sections.globals).filter(|(_, global)| global.mutable) {
        section.export(&exports::global(index), ExportKind::Global, index);
    }
    section.export(exports::GAS, ExportKind::Global, added.gas);
    section.export(exports::DEPTH, ExportKind::Global, added.depth);
    Ok(section)
}

/// The code, and which of its branches are hardly ever taken.
fn code(
    sections: &Sections<'_>,
    types: &Types,
    added: Added,
) -> Result<(CodeSection, BranchHints), Error> {
    let (mut section, mut hints) = (CodeSection::new(), BranchHints::new());
    for (index, body) in (0..).zip(&sections.bodies) {
        let ty = exports::function_type(sections, index).expect("every body has a function");
        let counted = instrument::function(body, types.block(ty.results())?, added)?;
        section.function(&counted.function);
        hints.function_hints(shifted(index), counted.unlikely);
    }
    section.function(&instrument::refill(added));
    section.function(&instrument::grow(added));
    section.function(&instrument::bytes(added));
    Ok((section, hints))
}

/// The passive segments. Active ones stay as empty ones, which is what they are once instantiated,
/// so that `memory.init` keeps its indices.
fn data(sections: &Sections<'_>) -> Result<DataSection, Error> {
    let mut section = DataSection::new();
    for segment in sections.data.clone().into_iter().flatten() {
        let segment = segment?;
        let bytes = match segment.kind {
            DataKind::Passive => segment.data,
            DataKind::Active { .. } => &[],
        };
        section.passive(bytes.iter().copied());
    }
    Ok(section)
}
