//! The WebAssembly features of the profile: one list, which validation and the engine share.

use wasmparser::{WasmFeatures, WasmFeaturesInflated};

/// The features a module may use. The literal names every feature, so that a new release of the
/// parser cannot turn one on: it does not compile until somebody decides.
pub(crate) fn profile_features() -> WasmFeatures {
    WasmFeatures::from_inflated(WasmFeaturesInflated {
        mutable_global: true,
        saturating_float_to_int: true,
        sign_extension: true,
        reference_types: true,
        multi_value: true,
        bulk_memory: true,
        simd: true,
        floats: true,
        extended_const: true,
        call_indirect_overlong: true,
        bulk_memory_opt: true,
        // Results differ between processors.
        relaxed_simd: false,
        // The order of threads is not part of any log.
        threads: false,
        shared_everything_threads: false,
        // The weighted depth counts frames at entry and exit, which a tail call has not.
        tail_call: false,
        // One memory is what is hashed, rolled back and dumped.
        multi_memory: false,
        memory64: false,
        memory_control: false,
        custom_page_sizes: false,
        // References to host objects cannot be saved with the state.
        gc: false,
        gc_types: false,
        function_references: false,
        exceptions: false,
        legacy_exceptions: false,
        stack_switching: false,
        wide_arithmetic: false,
        custom_descriptors: false,
        compact_imports: false,
        component_model: false,
        cm_values: false,
        cm_nested_names: false,
        cm_async: false,
        cm_async_stackful: false,
        cm_more_async_builtins: false,
        cm_threading: false,
        cm_error_context: false,
        cm_fixed_length_lists: false,
        cm_gc: false,
        cm_map: false,
        cm64: false,
        cm_implements: false,
        cm_canon_names: false,
    })
}

/// The name of a feature that a module asked for, as its proposal is called.
pub(super) fn name(feature: WasmFeatures) -> String {
    feature.iter_names().next().map_or("unknown", |(name, _)| name).to_lowercase().replace('_', "-")
}
