//! A treasury that its members govern: they propose payments and vote, and what has a quorum is paid
//! after a delay in which they can still change their minds.
//!
//! Money comes from and goes to accounts of the example `bank`.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon::prelude::*;
use bank::Bank;

/// The most members.
pub const MEMBERS_MAX: usize = 1_000;
/// The most proposals, old ones among them.
pub const PROPOSALS_MAX: usize = 10_000;
/// The longest delay.
pub const DELAY_MAX: Duration = secs(30 * 24 * 60 * 60);

/// A treasury.
#[actor]
#[derive(Debug, Serialize, Deserialize)]
pub struct Treasury {
    members: BTreeSet<Principal>,
    quorum: usize,
    /// Milliseconds.
    delay: u64,
    funds: u64,
    proposals: BTreeMap<u64, Proposal>,
}

/// A payment that somebody proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// What for.
    pub title: String,
    /// The account that is paid.
    pub payee: ActorRef<Bank>,
    /// How much.
    pub amount: u64,
    /// Who is for it.
    pub votes: BTreeSet<Principal>,
    /// How far it is.
    pub stage: Stage,
}

/// How far a proposal is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// There are not enough votes.
    Open,
    /// There are enough; the timer pays it.
    Passed(TimerId),
    /// The money has left.
    Paying,
    /// The money has arrived.
    Paid,
    /// The money is here, and stays: why, as a code.
    Failed(String),
    /// Nobody knows whether the money has arrived: why, as a code.
    Doubtful(String),
}

#[actor]
impl Treasury {
    /// Founds a treasury. A payment needs so many votes, and waits so many milliseconds.
    #[init]
    pub fn new(members: BTreeSet<Principal>, quorum: usize, delay: u64) -> Result<Self, Error> {
        require!(members.len() <= MEMBERS_MAX, "there are {MEMBERS_MAX} members at most");
        require!((1..=members.len()).contains(&quorum), "a quorum is 1 to all members");
        require!(millis(delay) <= DELAY_MAX, "a delay is 30 days at most");
        Ok(Self { members, quorum, delay, funds: 0, proposals: BTreeMap::new() })
    }

    /// How much money there is, apart from what is being paid.
    pub fn funds(&self) -> u64 {
        self.funds
    }

    /// The proposal of a number.
    pub fn proposal(&self, number: u64) -> Option<Proposal> {
        self.proposals.get(&number).cloned()
    }

    /// Takes money in; replies how much there is. An account pays in by a `transfer` to this process.
    pub fn deposit(&mut self, amount: u64) -> Result<u64, Error> {
        self.funds = self.funds.checked_add(amount).ok_or("the funds do not fit into 64 bits")?;
        Ok(self.funds)
    }

    /// Proposes a payment; replies its number.
    pub fn propose(
        &mut self,
        cx: &Context,
        title: String,
        payee: ActorRef<Bank>,
        amount: u64,
    ) -> Result<u64, Error> {
        self.require_member(cx)?;
        require!(self.proposals.len() < PROPOSALS_MAX, "there are {PROPOSALS_MAX} proposals");
        let number = self.proposals.len() as u64;
        let (votes, stage) = (BTreeSet::new(), Stage::Open);
        self.proposals.insert(number, Proposal { title, payee, amount, votes, stage });
        Ok(number)
    }

    /// Votes for a payment, or takes the vote back; replies how many are for it. With the last vote
    /// of a quorum the delay begins; it ends if a vote that is needed is taken back.
    pub fn vote(&mut self, cx: &Context, number: u64, yes: bool) -> Result<usize, Error> {
        self.require_member(cx)?;
        let proposal = self.proposals.get_mut(&number).ok_or("there is no such proposal")?;
        if yes {
            proposal.votes.insert(cx.sender());
        } else {
            proposal.votes.remove(&cx.sender());
        }
        let votes = proposal.votes.len();
        match proposal.stage {
            Stage::Open if votes >= self.quorum => {
                let timer = cx.after(millis(self.delay), Self::own(cx).execute(number));
                proposal.stage = Stage::Passed(timer);
                cx.emit_named("passed", &number);
            }
            Stage::Passed(timer) if votes < self.quorum => {
                cx.cancel_timer(timer);
                proposal.stage = Stage::Open;
            }
            Stage::Open | Stage::Passed(_) => {}
            _ => return Err("it is too late to vote".into()),
        }
        Ok(votes)
    }

    /// Pays what has passed; only the timer does so.
    pub async fn execute(this: State<Self>, cx: Context, number: u64) -> Result<(), Error> {
        require!(cx.is_own(), "only the timer pays");
        let Some((payee, amount)) = this.with(|me| me.begin(number)) else { return Ok(()) };
        let paid = payee.deposit(amount).ask(&cx).await;
        let stage = match paid {
            Ok(_) => Stage::Paid,
            Err(error) if bank::did_not_arrive(&error) => Stage::Failed(error.code().to_owned()),
            Err(error) => Stage::Doubtful(error.code().to_owned()),
        };
        cx.emit_named("executed", &(number, &stage));
        this.with(|me| me.end(number, stage));
        Ok(())
    }
}

impl Treasury {
    fn require_member(&self, cx: &Context) -> Result<(), Error> {
        require!(self.members.contains(&cx.sender()), "only members propose and vote");
        Ok(())
    }

    /// Takes the money out, before anybody is asked: it cannot be spent twice meanwhile.
    fn begin(&mut self, number: u64) -> Option<(ActorRef<Bank>, u64)> {
        let proposal = self.proposals.get_mut(&number)?;
        let Some(left) = self.funds.checked_sub(proposal.amount) else {
            proposal.stage = Stage::Failed("no-funds".to_owned());
            return None;
        };
        self.funds = left;
        proposal.stage = Stage::Paying;
        Some((proposal.payee, proposal.amount))
    }

    /// Notes what came of a payment. The money of one that failed comes back.
    fn end(&mut self, number: u64, stage: Stage) {
        let Some(proposal) = self.proposals.get_mut(&number) else { return };
        if matches!(stage, Stage::Failed(_)) {
            self.funds += proposal.amount;
        }
        proposal.stage = stage;
    }
}

#[cfg(test)]
mod tests;
