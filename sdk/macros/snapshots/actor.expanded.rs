//! What the macros make of `actor.rs`.
use antiphon::prelude::*;
/// Counts.
#[derive(Serialize, Deserialize)]
pub struct Counter {
    n: u64,
}
impl ::antiphon::Definition for Counter {
    const STATE_VERSION: u32 = 2u32;
    const DESCRIPTION: &'static [u8] = b"gCounts.\x02";
    const EVENTS: (usize, &'static [u8]) = (
        1usize,
        {
            #[allow(
                unused_imports,
                reason = "needed where a type says nothing of itself"
            )]
            use ::antiphon::expansion::Unlisted as _;
            const PARTS: &[&[u8]] = &[<Counted as ::antiphon::Event>::EVENT];
            const LEN: usize = ::antiphon::expansion::joined_len(PARTS);
            const JOINED: [u8; LEN] = ::antiphon::expansion::join(PARTS);
            &JOINED
        },
    );
}
/// Something was counted.
#[derive(Serialize, Event)]
pub struct Counted {
    pub n: u64,
}
impl ::antiphon::Event for Counted {
    const NAME: &'static str = "counted";
    const EVENT: &'static [u8] = b"\x83gcounted\x81\x83an\x83\x02\x18@\xF4\xF4vSomething was counted.";
}
/// What is counted.
#[derive(Serialize, Deserialize, Described)]
pub struct Step {
    pub by: u64,
    pub why: Option<Reason>,
}
impl ::antiphon::Described for Step {
    const TYPE: &'static [u8] = {
        #[allow(unused_imports, reason = "needed where a type says nothing of itself")]
        use ::antiphon::expansion::Unlisted as _;
        const PARTS: &[&[u8]] = &[
            b"\x83\x0BdStep\x82\x83bby\x83\x02\x18@\xF4\xF4\x83cwhy\x82\x06",
            ::antiphon::expansion::described(
                ::antiphon::expansion::Probe::<Reason>::TYPE,
                b"\x82\nfReason",
            ),
            b"\xF5",
        ];
        const LEN: usize = ::antiphon::expansion::joined_len(PARTS);
        const JOINED: [u8; LEN] = ::antiphon::expansion::join(PARTS);
        &JOINED
    };
}
#[derive(Serialize, Deserialize, Described)]
pub enum Reason {
    None,
    Told(String),
}
impl ::antiphon::Described for Reason {
    const TYPE: &'static [u8] = b"\x83\x0CfReason\x82\x81dNone\x82dTold\x81\x04";
}
#[derive(ActorError)]
pub enum CountError {
    /// The sum does not fit.
    TooLarge,
}
impl ::antiphon::ActorError for CountError {
    const CODES: (usize, &'static [u8]) = (
        1usize,
        b"\x82itoo-largeuThe sum does not fit.",
    );
    fn code(&self) -> &'static str {
        match *self {
            Self::TooLarge { .. } => "too-large",
        }
    }
}
impl ::core::convert::From<CountError> for ::antiphon::Error {
    fn from(error: CountError) -> Self {
        #[allow(unused_imports, reason = "an error that is displayed has no use for it")]
        use ::antiphon::expansion::Undisplayed as _;
        let docs = match error {
            CountError::TooLarge { .. } => "The sum does not fit.",
        };
        let detail = ::antiphon::expansion::Shown(&error).detail(docs);
        ::antiphon::Error::new(::antiphon::ActorError::code(&error), detail)
    }
}
#[allow(dead_code, reason = "callers compare with some of them")]
impl CountError {
    ///The code of [`Self::TooLarge`].
    pub const TOO_LARGE: &'static str = "too-large";
}
impl Counter {
    pub fn new(start: u64) -> Result<Self, CountError> {
        Ok(Self { n: start })
    }
    /// The number.
    pub fn get(&self) -> u64 {
        self.n
    }
    pub fn add(&mut self, cx: &Context, step: Step) -> Result<u64, CountError> {
        self.n = self.n.checked_add(step.by).ok_or(CountError::TooLarge)?;
        cx.emit(Counted { n: self.n });
        Ok(self.n)
    }
    pub fn wait(&mut self, cx: &Context) -> Later<u64> {
        cx.reply_later().1
    }
    pub async fn pull(
        this: State<Self>,
        cx: Context,
        peer: ActorRef<Self>,
    ) -> Result<(), AskError> {
        let theirs = peer.get().ask(&cx).await?;
        this.with(|me| me.n += theirs);
        Ok(())
    }
    fn shown(&mut self, evidence: Evidence) {
        drop(evidence);
    }
    fn from_v1(n: u64) -> Self {
        Self { n }
    }
    fn close(&self) -> u64 {
        self.n
    }
    fn open(n: u64) -> Self {
        Self { n }
    }
    fn recover(cx: &Context, image: MemoryImage) -> Result<Self, Error> {
        Ok(Self {
            n: u64::from_le_bytes(image.read(image.state()?)?),
        })
    }
}
impl ::antiphon::Actor for Counter {
    const SCHEMA: &'static [u8] = {
        #[allow(unused_imports, reason = "needed where a type says nothing of itself")]
        use ::antiphon::expansion::Unlisted as _;
        const PARTS: &[&[u8]] = &[
            ::antiphon::expansion::array_head_with(
                5,
                <Counter as ::antiphon::Definition>::EVENTS.0,
            ),
            b"\x01gCounter",
            <Counter as ::antiphon::Definition>::DESCRIPTION,
            b"\x85",
            ::antiphon::expansion::array_head_with(
                5,
                (0usize + ::antiphon::expansion::Probe::<CountError>::ERRORS.0),
            ),
            b"cnew\0\x81\x82estart\x83\x02\x18@\xF4\x81\0`",
            ::antiphon::expansion::list_head(
                (0usize + ::antiphon::expansion::Probe::<CountError>::ERRORS.0),
            ),
            ::antiphon::expansion::Probe::<CountError>::ERRORS.1,
            b"\x85cget\x01\x80\x83\x02\x18@\xF4kThe number.",
            ::antiphon::expansion::array_head_with(
                5,
                (0usize + ::antiphon::expansion::Probe::<CountError>::ERRORS.0),
            ),
            b"cadd\x02\x81\x82dstep",
            ::antiphon::expansion::described(
                ::antiphon::expansion::Probe::<Step>::TYPE,
                b"\x82\ndStep",
            ),
            b"\x83\x02\x18@\xF4`",
            ::antiphon::expansion::list_head(
                (0usize + ::antiphon::expansion::Probe::<CountError>::ERRORS.0),
            ),
            ::antiphon::expansion::Probe::<CountError>::ERRORS.1,
            ::antiphon::expansion::array_head_with(5, (1usize + (0, b"").0)),
            b"dwait\x02\x80\x83\x02\x18@\xF4`",
            ::antiphon::expansion::list_head((1usize + (0, b"").0)),
            b"\x82mnot-permittedx\x1EOnly the controller may do so.",
            ::antiphon::expansion::array_head_with(
                5,
                (1usize + ::antiphon::expansion::Probe::<AskError>::ERRORS.0),
            ),
            b"dpull\x02\x81\x82dpeer\x82\tdproc\x81\0`",
            ::antiphon::expansion::list_head(
                (1usize + ::antiphon::expansion::Probe::<AskError>::ERRORS.0),
            ),
            b"\x82mnot-permittedx\x1F`Self::may` does not permit it.",
            ::antiphon::expansion::Probe::<AskError>::ERRORS.1,
            ::antiphon::expansion::list_head(
                <Counter as ::antiphon::Definition>::EVENTS.0,
            ),
            <Counter as ::antiphon::Definition>::EVENTS.1,
        ];
        const LEN: usize = ::antiphon::expansion::joined_len(PARTS);
        const JOINED: [u8; LEN] = ::antiphon::expansion::join(PARTS);
        &JOINED
    };
    fn init(
        __cx: &::antiphon::Context,
        __args: &[u8],
    ) -> ::core::result::Result<Self, ::antiphon::Error> {
        let mut __arguments = ::antiphon::expansion::Arguments::read(__args)?;
        let __argument0: u64 = __arguments.take("start")?;
        __arguments.finish()?;
        Self::new(__argument0).map_err(::antiphon::expansion::failure)
    }
    const ASYNC: bool = true;
    fn start(
        __actor: &Self,
        __state: &::antiphon::State<Self>,
        __cx: &::antiphon::Context,
        __method: &[u8],
        __args: &[u8],
    ) -> ::core::result::Result<
        ::core::option::Option<::antiphon::expansion::Task>,
        ::antiphon::Error,
    > {
        ::core::result::Result::Ok(
            ::core::option::Option::Some(
                match __method {
                    b"pull" => {
                        ::antiphon::expansion::permit(Self::may(__actor, __cx))?;
                        let mut __arguments = ::antiphon::expansion::Arguments::read(
                            __args,
                        )?;
                        let __argument0: ActorRef<Self> = __arguments.take("peer")?;
                        __arguments.finish()?;
                        {
                            let __task = Self::pull(
                                ::core::clone::Clone::clone(__state),
                                ::core::clone::Clone::clone(__cx),
                                __argument0,
                            );
                            ::antiphon::expansion::try_task(__task)
                        }
                    }
                    _ => return ::core::result::Result::Ok(::core::option::Option::None),
                },
            ),
        )
    }
    const ASSIGNED: bool = true;
    fn assigned(
        __actor: &mut Self,
        __cx: &::antiphon::Context,
        __argument0: ::antiphon::Evidence,
    ) -> ::core::result::Result<::antiphon::expansion::Answer, ::antiphon::Error> {
        {
            let () = Self::shown(__actor, __argument0);
            ::core::result::Result::Ok(::antiphon::expansion::Answer::Nothing)
        }
    }
    fn save(
        __actor: &Self,
    ) -> ::core::result::Result<::std::vec::Vec<u8>, ::antiphon::cbor::Error> {
        ::antiphon::cbor::to_vec(&Self::close(__actor))
    }
    fn load(
        __cx: &::antiphon::Context,
        __version: u32,
        __state: &[u8],
    ) -> ::core::result::Result<Self, ::antiphon::Error> {
        match __version {
            1 => {
                let __saved: u64 = ::antiphon::expansion::saved(__state)?;
                ::core::result::Result::Ok(Self::from_v1(__saved))
            }
            _ if __version == <Self as ::antiphon::Definition>::STATE_VERSION => {
                let __saved: u64 = ::antiphon::expansion::saved(__state)?;
                ::core::result::Result::Ok(Self::open(__saved))
            }
            _ => {
                ::core::result::Result::Err(
                    ::antiphon::expansion::state_version::<Self>(__version),
                )
            }
        }
    }
    const RECOVERS: bool = true;
    fn recover(
        __cx: &::antiphon::Context,
        __saved: MemoryImage,
    ) -> ::core::result::Result<Self, ::antiphon::Error> {
        Self::recover(__cx, __saved).map_err(::antiphon::expansion::failure)
    }
    fn call(
        __actor: &mut Self,
        __cx: &::antiphon::Context,
        __method: &[u8],
        __args: &[u8],
    ) -> ::core::result::Result<::antiphon::expansion::Answer, ::antiphon::Error> {
        match __method {
            b"add" => {
                let mut __arguments = ::antiphon::expansion::Arguments::read(__args)?;
                let __argument0: Step = __arguments.take("step")?;
                __arguments.finish()?;
                ({
                    let __reply = Self::add(__actor, __cx, __argument0);
                    ::antiphon::expansion::try_reply(__reply)
                })
                    .map(::antiphon::expansion::Answer::Reply)
            }
            b"wait" => {
                ::antiphon::expansion::only_controller(__cx)?;
                ::antiphon::expansion::Arguments::none(__args)?;
                {
                    let __reply = Self::wait(__actor, __cx);
                    ::core::result::Result::Ok(
                        ::antiphon::expansion::later(__cx, &__reply),
                    )
                }
            }
            _ => {
                <Self as ::antiphon::Actor>::view(__actor, __cx, __method, __args)
                    .map(::antiphon::expansion::Answer::Reply)
            }
        }
    }
    fn view(
        __actor: &Self,
        __cx: &::antiphon::ViewContext,
        __method: &[u8],
        __args: &[u8],
    ) -> ::core::result::Result<::std::vec::Vec<u8>, ::antiphon::Error> {
        match __method {
            b"get" => {
                ::antiphon::expansion::Arguments::none(__args)?;
                {
                    let __reply = Self::get(__actor);
                    ::core::result::Result::Ok(::antiphon::expansion::reply(&__reply))
                }
            }
            b"add" | b"wait" | b"pull" => {
                ::core::result::Result::Err(::antiphon::expansion::not_a_view(__method))
            }
            _ => {
                ::core::result::Result::Err(
                    ::antiphon::expansion::unknown_method(__method),
                )
            }
        }
    }
}
const _: () = assert!(
    1 < < Counter as ::antiphon::Definition > ::STATE_VERSION,
    "`#[migrate(from = 1)]` reads an older state: give the struct `#[actor(version = N)]` with a higher version"
);
///The messages and views of a [`Counter`] as calls; an `ActorRef` has them.
#[derive(Debug, Clone, Copy)]
#[allow(unreachable_pub, reason = "the actor's own visibility stands at its definition")]
pub struct CounterStub<V = ::antiphon::ProcessId>(V);
impl<V: ::antiphon::Via> ::antiphon::Stub<V> for CounterStub<V> {
    fn new(via: V) -> Self {
        Self(via)
    }
    fn via(&self) -> &V {
        &self.0
    }
}
impl ::antiphon::Addressable for Counter {
    type Stub = CounterStub;
    type StubVia<V: ::antiphon::Via> = CounterStub<V>;
}
#[allow(
    dead_code,
    private_interfaces,
    clippy::needless_pass_by_value,
    clippy::large_types_passed_by_value,
    clippy::trivially_copy_pass_by_ref,
    reason = "a stub has every method, with the parameters of the actor's own"
)]
impl<__Via: ::antiphon::Via> CounterStub<__Via> {
    /// The number.
    pub fn get(&self) -> __Via::Call<u64> {
        let __args = ::antiphon::Args::new();
        ::antiphon::Via::call(::antiphon::Stub::via(self), "get", __args)
    }
    ///Calls `add`.
    pub fn add(&self, step: Step) -> __Via::Call<u64> {
        let __args = ::antiphon::Args::new().with("step", &step);
        ::antiphon::Via::call(::antiphon::Stub::via(self), "add", __args)
    }
    ///Calls `wait`.
    pub fn wait(&self) -> __Via::Call<u64> {
        let __args = ::antiphon::Args::new();
        ::antiphon::Via::call(::antiphon::Stub::via(self), "wait", __args)
    }
    ///Calls `pull`.
    pub fn pull(&self, peer: ActorRef<Counter>) -> __Via::Call<()> {
        let __args = ::antiphon::Args::new().with("peer", &peer);
        ::antiphon::Via::call(::antiphon::Stub::via(self), "pull", __args)
    }
}
#[allow(unexpected_cfgs, reason = "a crate that nobody calls need not declare `stub`")]
const _: () = {
    #[cfg(all(target_arch = "wasm32", not(feature = "stub")))]
    #[allow(unsafe_code, reason = "named exports and sections are the guest contract")]
    const _: () = {
        const LEN: usize = <Counter as ::antiphon::Actor>::SCHEMA.len();
        #[used]
        #[unsafe(link_section = "antiphon.schema")]
        static SECTION: [u8; LEN] = ::antiphon::expansion::join(
            &[<Counter as ::antiphon::Actor>::SCHEMA],
        );
        ::std::thread_local! {
            static GUEST : ::antiphon::guest::Place < Counter > = const {
            ::antiphon::guest::Place::new() };
        }
        #[unsafe(no_mangle)]
        extern "C" fn antiphon_alloc(len: u32) -> usize {
            GUEST.with(|place| place.visit(|guest| guest.alloc(len)))
        }
        #[unsafe(no_mangle)]
        extern "C" fn antiphon_handle(address: usize, len: u32) -> u64 {
            GUEST.with(|place| place.visit(|guest| guest.handle(address, len)))
        }
        #[unsafe(no_mangle)]
        extern "C" fn antiphon_view(address: usize, len: u32) -> u64 {
            GUEST.with(|place| place.visit(|guest| guest.view(address, len)))
        }
        #[unsafe(no_mangle)]
        extern "C" fn antiphon_save(address: usize, len: u32) -> u64 {
            GUEST.with(|place| place.visit(|guest| guest.save(address, len)))
        }
    };
};
