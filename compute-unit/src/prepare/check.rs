//! Validation under the profile: reads a module once and refuses what no actor may contain.

use wasmparser::{
    DataSectionReader, ElementSectionReader, Export, ExportSectionReader, FuncToValidate, FuncType,
    FuncValidatorAllocations, FunctionBody, FunctionSectionReader, GlobalSectionReader, GlobalType,
    ImportSectionReader, Imports, MemorySectionReader, MemoryType, Operator, Parser, Payload,
    TableSectionReader, TypeSectionReader, ValType, ValidPayload, Validator, ValidatorResources,
};

use super::{PrepareError, error::quoted, features::profile_features, limits, segments};

/// A valid module, taken apart.
#[derive(Default)]
pub(super) struct Sections<'a> {
    pub(super) type_section: Option<TypeSectionReader<'a>>,
    pub(super) types: Vec<FuncType>,
    /// The type of each function, by index.
    pub(super) functions: Vec<u32>,
    pub(super) tables: Option<TableSectionReader<'a>>,
    pub(super) table_elements: u64,
    pub(super) memories: Option<MemorySectionReader<'a>>,
    pub(super) memory: Option<MemoryType>,
    pub(super) global_section: Option<GlobalSectionReader<'a>>,
    pub(super) globals: Vec<GlobalType>,
    pub(super) exports: Vec<Export<'a>>,
    pub(super) elements: Option<ElementSectionReader<'a>>,
    pub(super) data_count: Option<u32>,
    pub(super) data: Option<DataSectionReader<'a>>,
    pub(super) bodies: Vec<Body<'a>>,
}

/// A valid function, and what its frame holds.
pub(super) struct Body<'a> {
    pub(super) body: FunctionBody<'a>,
    /// Parameters and locals.
    pub(super) slots: u32,
    /// Locals that are not parameters.
    pub(super) locals: u32,
    /// The most operands that are on the stack at once.
    pub(super) operands: u32,
    /// Counts the operators.
    pub(super) operators: u32,
    /// Whether any function is called from it.
    pub(super) calls: bool,
}

/// Validates a module and takes it apart.
pub(super) fn check(wasm: &[u8]) -> Result<Sections<'_>, PrepareError> {
    let mut parser = Parser::new(0);
    parser.set_features(profile_features());
    let mut validator = Validator::new_with_features(profile_features());
    let mut sections = Sections::default();
    let mut allocations = FuncValidatorAllocations::default();
    for payload in parser.parse_all(wasm) {
        let payload = payload?;
        check_memories(&payload)?;
        match validator.payload(&payload)? {
            ValidPayload::Func(function, body) => {
                let body = sections.function(function, &mut allocations, body)?;
                sections.bodies.push(body);
            }
            ValidPayload::Ok | ValidPayload::Parser(_) | ValidPayload::End(_) => {
                sections.section(payload)?;
            }
        }
    }
    segments::check_elements(&sections)?;
    Ok(sections)
}

impl<'a> Sections<'a> {
    fn section(&mut self, payload: Payload<'a>) -> Result<(), PrepareError> {
        match payload {
            Payload::TypeSection(section) => self.types(section),
            Payload::ImportSection(section) => imports(section),
            Payload::FunctionSection(section) => self.functions(section),
            Payload::TableSection(section) => self.tables(section),
            Payload::MemorySection(section) => self.memories(section),
            Payload::GlobalSection(section) => self.globals(section),
            Payload::ExportSection(section) => self.exports(section),
            Payload::StartSection { .. } => Err(PrepareError::Start),
            Payload::ElementSection(section) => {
                let count = section.count();
                self.elements = Some(section);
                PrepareError::check_limit("element segments", count, limits::ELEMENT_SEGMENTS_MAX)
            }
            Payload::DataCountSection { count, .. } => {
                self.data_count = Some(count);
                PrepareError::check_limit("data segments", count, limits::DATA_SEGMENTS_MAX)
            }
            Payload::DataSection(section) => {
                let count = section.count();
                self.data = Some(section);
                PrepareError::check_limit("data segments", count, limits::DATA_SEGMENTS_MAX)
            }
            _ => Ok(()),
        }
    }

    fn types(&mut self, section: TypeSectionReader<'a>) -> Result<(), PrepareError> {
        PrepareError::check_limit("function types", section.count(), limits::TYPES_MAX)?;
        for ty in section.clone().into_iter_err_on_gc_types() {
            let ty = ty?;
            let widest = ty.params().len().max(ty.results().len());
            PrepareError::check_limit("parameters or results", widest, limits::PARAMETERS_MAX)?;
            self.types.push(ty);
        }
        self.type_section = Some(section);
        Ok(())
    }

    fn functions(&mut self, section: FunctionSectionReader<'a>) -> Result<(), PrepareError> {
        PrepareError::check_limit("functions", section.count(), limits::FUNCTIONS_MAX)?;
        self.functions = section.into_iter().collect::<Result<_, _>>()?;
        Ok(())
    }

    fn tables(&mut self, section: TableSectionReader<'a>) -> Result<(), PrepareError> {
        PrepareError::check_limit("tables", section.count(), limits::TABLES_MAX)?;
        for table in section.clone() {
            self.table_elements = table?.ty.initial;
        }
        self.tables = Some(section);
        PrepareError::check_limit(
            "elements in the table",
            self.table_elements,
            limits::TABLE_ELEMENTS_MAX,
        )
    }

    fn memories(&mut self, section: MemorySectionReader<'a>) -> Result<(), PrepareError> {
        for memory in section.clone() {
            self.memory = Some(memory?);
        }
        self.memories = Some(section);
        Ok(())
    }

    fn globals(&mut self, section: GlobalSectionReader<'a>) -> Result<(), PrepareError> {
        PrepareError::check_limit("globals", section.count(), limits::GLOBALS_MAX)?;
        for (index, global) in (0..).zip(section.clone()) {
            let ty = global?.ty;
            if ty.mutable && matches!(ty.content_type, ValType::Ref(_)) {
                return Err(PrepareError::ReferenceGlobal { index });
            }
            self.globals.push(ty);
        }
        self.global_section = Some(section);
        Ok(())
    }

    fn exports(&mut self, section: ExportSectionReader<'a>) -> Result<(), PrepareError> {
        PrepareError::check_limit("exports", section.count(), limits::EXPORTS_MAX)?;
        self.exports = section.into_iter().collect::<Result<_, _>>()?;
        Ok(())
    }

    fn function(
        &self,
        function: FuncToValidate<ValidatorResources>,
        allocations: &mut FuncValidatorAllocations,
        body: FunctionBody<'a>,
    ) -> Result<Body<'a>, PrepareError> {
        let length = body.range().len();
        PrepareError::check_limit("bytes of a function", length, limits::FUNCTION_BYTES_MAX)?;
        let mut validator = function.into_validator(std::mem::take(allocations));
        let parameters = validator.len_locals();
        validator.read_locals(&mut body.get_binary_reader())?;
        let slots = validator.len_locals();
        let locals = slots.saturating_sub(parameters);
        PrepareError::check_limit("locals of a function", locals, limits::LOCALS_MAX)?;
        let mut facts = Body { body, slots, locals, operands: 0, operators: 0, calls: false };
        let mut reader = facts.body.get_operators_reader()?;
        while !reader.eof() {
            let (operator, offset) = reader.read_with_offset()?;
            validator.op(offset, &operator)?;
            if let Some(instruction) = forbidden(&operator) {
                return Err(PrepareError::Instruction { instruction, offset });
            }
            facts.operators = facts.operators.saturating_add(1);
            facts.operands = facts.operands.max(validator.operand_stack_height());
            facts.calls |=
                matches!(operator, Operator::Call { .. } | Operator::CallIndirect { .. });
        }
        reader.finish()?;
        *allocations = validator.into_allocations();
        Ok(facts)
    }
}

/// The validator does not say which feature a second memory would need.
fn check_memories(payload: &Payload<'_>) -> Result<(), PrepareError> {
    match payload {
        Payload::MemorySection(section) if section.count() > 1 => {
            let offset = section.range().start;
            Err(PrepareError::Feature { feature: "multi-memory".to_owned(), offset })
        }
        _ => Ok(()),
    }
}

fn imports(section: ImportSectionReader<'_>) -> Result<(), PrepareError> {
    let Some(import) = section.into_iter().next() else { return Ok(()) };
    let (module, name) = match import? {
        Imports::Single(_, import) => (import.module, import.name),
        Imports::Compact1 { module, .. } | Imports::Compact2 { module, .. } => (module, ""),
    };
    Err(PrepareError::Import { module: quoted(module), name: quoted(name) })
}

/// Names an instruction that changes a table or a segment: neither is part of a checkpoint.
const fn forbidden(operator: &Operator<'_>) -> Option<&'static str> {
    match operator {
        Operator::TableSet { .. } => Some("table.set"),
        Operator::TableGrow { .. } => Some("table.grow"),
        Operator::TableFill { .. } => Some("table.fill"),
        Operator::TableCopy { .. } => Some("table.copy"),
        Operator::TableInit { .. } => Some("table.init"),
        Operator::ElemDrop { .. } => Some("elem.drop"),
        Operator::DataDrop { .. } => Some("data.drop"),
        _ => None,
    }
}
