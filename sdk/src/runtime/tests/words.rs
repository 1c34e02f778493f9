//! What an actor says beside its replies: errors with codes, events, and who may call it.

use std::fmt;

use super::*;
use crate::{Sim, schema::ErrorCode};

/// A shop.
#[actor(events(Sold, Closed))]
#[derive(Debug, Serialize, Deserialize)]
struct Shop {
    left: u64,
    open: bool,
    clerks: Vec<Principal>,
}

/// Why nothing is sold.
#[derive(Debug, PartialEq, Eq, ActorError)]
enum SaleError {
    /// The shelf is empty.
    SoldOut,
    #[code("shut")]
    NotOpen,
}

/// Why a clerk is not hired.
#[derive(Debug, ActorError)]
enum StaffError {
    /// Not shown: it displays itself.
    TooMany { at_most: usize },
}

impl fmt::Display for StaffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::TooMany { at_most } = self;
        write!(f, "there are {at_most} already")
    }
}

/// Something was sold.
#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
struct Sold {
    count: u64,
    note: Option<String>,
}

#[derive(Serialize, Event)]
#[event("shop-closed")]
struct Closed;

#[actor]
impl Shop {
    #[init]
    fn new(left: u64) -> Result<Self, SaleError> {
        require!(left > 0, SaleError::SoldOut);
        Ok(Self { left, open: true, clerks: Vec::new() })
    }

    fn left(&self) -> u64 {
        self.left
    }

    #[only(Self::is_clerk)]
    fn clerks(&self) -> usize {
        self.clerks.len()
    }

    #[only(controller)]
    fn hire(&mut self, clerk: ProcessId) -> Result<(), StaffError> {
        require!(self.clerks.len() < 2, StaffError::TooMany { at_most: 2 });
        self.clerks.push(clerk.into());
        Ok(())
    }

    fn sell(&mut self, cx: &Context, count: u64) -> Result<u64, SaleError> {
        require!(self.open, SaleError::NotOpen);
        self.left = self.left.checked_sub(count).ok_or(SaleError::SoldOut)?;
        cx.emit(Sold { count, note: None });
        Ok(self.left)
    }

    #[only(is_friendly)]
    async fn close(this: State<Self>, cx: Context) -> Result<(), Error> {
        this.with(|me| me.open = false);
        cx.emit(Closed);
        Ok(())
    }

    #[only(own)]
    fn restock(&mut self, _cx: &Context) {
        self.left += 10;
    }

    /// Buys at another shop.
    async fn buy(_this: State<Self>, cx: Context, shop: ActorRef<Self>) -> String {
        let bought = shop.sell(1_000).ask(&cx).await;
        match bought.as_ref().map_err(AskError::peer_code) {
            Err(Some(SaleError::SOLD_OUT)) => "sold out",
            Err(Some(SaleError::NOT_OPEN)) => "not open",
            Err(Some(_)) => "another error of the shop's own",
            Err(None) => "an error of the system's",
            Ok(_) => "bought",
        }
        .to_owned()
    }
}

impl Shop {
    fn is_clerk(&self, cx: &ViewContext) -> bool {
        self.clerks.contains(&cx.sender())
    }
}

fn is_friendly(shop: &Shop, cx: &Context) -> Result<(), Error> {
    require!(shop.clerks.is_empty() || cx.sender() == cx.controller(), "clerks are at work");
    Ok(())
}

fn shop(left: u64) -> (Sim, ActorRef<Shop>) {
    let mut sim = Sim::seeded(3);
    let shop = sim.spawn::<Shop>(args! { left: left });
    (sim, shop)
}

fn opened() -> Runtime<Shop> {
    let mut runtime = Runtime::new();
    let args = args! { left: 5 }.encode();
    let input = Input::Init { context: context(), args, spawn: None };
    let output: Output = codec::decode(&runtime.handle(&codec::encode(&input))).unwrap();
    assert_eq!(output.result, reply(&()));
    runtime
}

fn sent(runtime: &mut Runtime<Shop>, sender: Principal, method: &str, args: Args) -> GuestResult {
    let controller = Principal::Process(ProcessId::from_bytes([7; 32]));
    let context = abi::Context { sender, controller, ..context() };
    let (method, args) = (method.to_owned(), args.encode());
    let input = Input::Call { context, method, args, call: Some(9) };
    codec::decode::<Output>(&runtime.handle(&codec::encode(&input))).unwrap().result
}

#[test]
fn an_error_of_the_actors_own_has_its_code_and_detail() {
    let (mut sim, shop) = shop(5);
    let error = sim.send(shop.sell(6)).unwrap_err();
    assert_eq!((error.code(), error.detail()), (SaleError::SOLD_OUT, "The shelf is empty."));
    sim.send(shop.close()).unwrap();
    let error = sim.send(shop.sell(1)).unwrap_err();
    assert_eq!((error.code(), error.detail()), ("shut", "shut"));
}

#[test]
fn an_error_that_displays_itself_says_so_to_people() {
    let error = Error::from(StaffError::TooMany { at_most: 2 });
    assert_eq!((error.code(), error.detail()), ("too-many", "there are 2 already"));
}

#[test]
fn an_asker_tells_the_errors_of_its_peer_apart() {
    let (mut sim, peer) = shop(5);
    let buyer = sim.spawn::<Shop>(args! { left: 1 });
    assert_eq!(sim.send(buyer.buy(peer)).unwrap(), "sold out");
    sim.send(peer.close()).unwrap();
    assert_eq!(sim.send(buyer.buy(peer)).unwrap(), "not open");
    sim.cut_off(peer);
    assert_eq!(sim.send(buyer.buy(peer)).unwrap(), "an error of the system's");
}

#[test]
fn an_event_is_emitted_under_its_name() {
    let cx = Context::mock();
    let mut shop = Shop::new(5).unwrap();
    assert_eq!(shop.sell(&cx, 2), Ok(3));
    let [GuestEffect::Event { name, data }] = &*cx.effects() else { panic!("one event") };
    assert_eq!(name, "sold");
    assert_eq!(cbor::from_slice(data), Ok(Sold { count: 2, note: None }));
    assert_eq!(cx.emitted::<Sold>(), [Sold { count: 2, note: None }]);
}

#[test]
fn a_call_that_its_guard_does_not_permit_is_refused() {
    let mut runtime = opened();
    let (stranger, controller) =
        (Principal::Anonymous, Principal::Process(ProcessId::from_bytes([7; 32])));
    let clerk = ProcessId::from_bytes([8; 32]);
    let hire = || args! { clerk: clerk };
    let refused = |detail| error(Error::NOT_PERMITTED, detail);
    assert_eq!(
        sent(&mut runtime, stranger, "hire", hire()),
        refused("only the controller may do so")
    );
    // Who may not call learns nothing of the arguments.
    assert_eq!(
        sent(&mut runtime, stranger, "hire", Args::new()),
        refused("only the controller may do so")
    );
    assert_eq!(sent(&mut runtime, controller, "hire", hire()), reply(&()));
    let sender = |sender| (sender, "clerks");
    let (from, method) = sender(stranger);
    assert_eq!(sent(&mut runtime, from, method, Args::new()), refused("the sender may not do so"));
    assert_eq!(sent(&mut runtime, clerk.into(), "clerks", Args::new()), reply(&1));
}

#[test]
fn a_view_has_a_guard_as_well() {
    let runtime = opened();
    let refused = error(Error::NOT_PERMITTED, "the sender may not do so");
    let input =
        Input::View { context: context(), method: "clerks".to_owned(), args: args! {}.encode() };
    let output: Output = codec::decode(&runtime.view(&codec::encode(&input))).unwrap();
    assert_eq!(output.result, refused);
}

#[test]
fn an_async_method_does_not_begin_against_its_guard() {
    let mut runtime = opened();
    let clerk = ProcessId::from_bytes([8; 32]);
    let controller = Principal::Process(ProcessId::from_bytes([7; 32]));
    sent(&mut runtime, controller, "hire", args! { clerk: clerk });
    let refused = error(Error::NOT_PERMITTED, "clerks are at work");
    assert_eq!(sent(&mut runtime, clerk.into(), "close", Args::new()), refused);
    assert!(runtime.actor().unwrap().open);
    sent(&mut runtime, controller, "close", Args::new());
    assert!(!runtime.actor().unwrap().open);
}

#[test]
fn what_only_the_process_itself_calls_is_called_by_its_timers() {
    let mut runtime = opened();
    let refused = error(Error::NOT_PERMITTED, "only the process itself may do so");
    assert_eq!(sent(&mut runtime, Principal::Anonymous, "restock", Args::new()), refused);
    let timer = Input::Timer {
        context: context(),
        token: 1,
        occurrence: 0,
        method: "restock".to_owned(),
        args: args! {}.encode(),
    };
    let output: Output = codec::decode(&runtime.handle(&codec::encode(&timer))).unwrap();
    assert_eq!(output.result, reply(&()));
    assert_eq!(runtime.actor().unwrap().left, 15);
}

#[test]
fn the_schema_lists_errors_and_events() {
    let schema = Shop::schema();
    let case = |code: &str, docs: &str| ErrorCode { code: code.to_owned(), docs: docs.to_owned() };
    let errors = |method| schema.method(method).unwrap().errors.clone();
    let sale = [case("sold-out", "The shelf is empty."), case("shut", "")];
    assert_eq!(errors("new"), sale);
    assert_eq!(errors("sell"), sale);
    assert_eq!(errors("left"), []);
    let hire = [
        case("not-permitted", "Only the controller may do so."),
        case("too-many", "Not shown: it displays itself."),
    ];
    assert_eq!(errors("hire"), hire);
    assert_eq!(errors("close"), [case("not-permitted", "`is_friendly` does not permit it.")]);

    let names: Vec<&str> = schema.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["sold", "shop-closed"]);
    let sold = schema.events.first().unwrap();
    assert_eq!(sold.docs, "Something was sold.");
    let fields: Vec<_> = sold.fields.iter().map(|field| (&*field.name, field.optional)).collect();
    assert_eq!(fields, [("count", false), ("note", true)]);
}
