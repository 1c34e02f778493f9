//! Counters that were written in other languages do what the SDK's does, and go on with its state.

use std::sync::LazyLock;

use antiphon::Sim;
#[cfg(feature = "languages")]
use antiphon::{Stage, args};
use antiphon_testing::{Remote, Wasm};
use counter::Counter;
use example_modules::COUNTER;

use crate::{
    counters,
    support::{Cluster, directory},
    upgrading::upgrade,
};

/// The counters, by what they are written in. All tests share them: two builds in one place would
/// get in each other's way.
static MODULES: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(|| {
    Vec::from([
        ("text", wat::parse_str(counters::WAT).expect("the text is a module")),
        #[cfg(feature = "languages")]
        ("C", compilers::c()),
        #[cfg(feature = "languages")]
        ("AssemblyScript", compilers::assemblyscript()),
    ])
});

#[test]
fn a_counter_in_any_language_does_what_the_sdks_does() {
    let natively = counters::counting(&mut Sim::seeded(7));
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let mut remote = Remote::connect(cluster.client_options()).unwrap();
    for (language, module) in &*MODULES {
        let mut wasm = Wasm::seeded(7).with::<Counter>(module);
        assert_eq!(counters::counting(&mut wasm), natively, "{language}, on the engine");
        wasm.check_replay();
        remote = remote.with::<Counter>(module);
        assert_eq!(counters::counting(&mut remote), natively, "{language}, on a cluster");
    }
    drop(remote);
    cluster.stop();
}

#[test]
fn a_process_goes_on_in_any_language() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = cluster.spawn(COUNTER, r#"{"start": 70000}"#);
    let mut count = 70_000;
    let others = MODULES.iter().map(|(_, module)| module.as_slice());
    for module in others.chain([COUNTER]) {
        upgrade(&cluster, &counter, module, &[]).done();
        count += 1;
        let added = cluster.run(&["send", &counter, "add", r#"{"by": 1}"#]).done();
        assert_eq!(added["reply"], count);
    }
    let verified = cluster.run(&["verify", &counter]).done();
    assert_eq!(verified["ok"], true, "{verified}");
    cluster.stop();
}

#[cfg(feature = "languages")]
#[test]
fn what_an_actor_in_c_logs_stands_in_the_outcome() {
    let (_, module) = MODULES.iter().find(|(language, _)| *language == "C").unwrap();
    let mut stage = Wasm::seeded(7).with::<Counter>(module);
    let counter = stage.spawn::<Counter>(args! { start: 1_u64 });
    assert_eq!(stage.send(counter.reset()), Ok(()));
    assert_eq!(stage.send(counter.add(1)), Ok(1));
    let lines: Vec<usize> =
        stage.outcomes(counter).iter().map(|outcome| outcome.logs.len()).collect();
    assert_eq!(lines, [0, 1, 0], "effects are those of one slot");
}

/// What makes modules of other languages, as `examples/languages/README.md` says.
#[cfg(feature = "languages")]
mod compilers {
    use std::{
        fs,
        path::{Path, PathBuf},
        process::Command,
    };

    /// The counter in C.
    pub(super) fn c() -> Vec<u8> {
        let place = place("c");
        run(Command::new("sh").arg("build.sh").current_dir(&place));
        fs::read(place.join("counter.wasm")).unwrap()
    }

    /// The counter in AssemblyScript.
    pub(super) fn assemblyscript() -> Vec<u8> {
        let place = place("assemblyscript");
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&place));
        run(Command::new("npm").args(["run", "build"]).current_dir(&place));
        fs::read(place.join("counter.wasm")).unwrap()
    }

    /// A directory with the sources of a language, so that none is built where they lie.
    fn place(language: &str) -> PathBuf {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/languages");
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("languages");
        fs::create_dir_all(&place).unwrap();
        run(Command::new("cp").arg("-R").arg(sources.join(language)).arg(&place));
        place.join(language)
    }

    fn run(command: &mut Command) {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
    }
}
