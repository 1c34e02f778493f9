//! A token: balances, transfers, allowances, and a supply that always adds up.

use std::{collections::BTreeMap, ops::Bound};

use antiphon::prelude::*;

/// The most holders that one view lists.
pub const PAGE_MAX: usize = 100;

/// A token of one kind, and who holds how much of it. Accounts and processes hold it alike.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    name: String,
    /// The sum of all balances.
    supply: u64,
    /// Only of those who hold something.
    balances: BTreeMap<Principal, u64>,
    /// What owners let spenders move: by owner, then by spender. Never zero.
    allowances: BTreeMap<Principal, BTreeMap<Principal, u64>>,
}

/// Tokens that changed hands, as the event `transfer` says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Whose they were.
    pub from: Principal,
    /// Whose they are.
    pub to: Principal,
    /// How many.
    pub amount: u64,
}

#[actor]
impl Ledger {
    /// Makes a token. Its controller holds all of it.
    #[init]
    pub fn new(cx: &Context, name: String, supply: u64) -> Self {
        let mut ledger = Self { name, supply, ..Self::default() };
        ledger.set_balance(cx.controller(), supply);
        ledger
    }

    /// What the token is called.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// How many tokens there are.
    pub fn supply(&self) -> u64 {
        self.supply
    }

    /// How many tokens somebody holds.
    pub fn balance(&self, holder: Principal) -> u64 {
        self.balances.get(&holder).copied().unwrap_or(0)
    }

    /// How many tokens of an owner a spender may still move.
    pub fn allowance(&self, owner: Principal, spender: Principal) -> u64 {
        let of_owner = self.allowances.get(&owner);
        of_owner.and_then(|spenders| spenders.get(&spender)).copied().unwrap_or(0)
    }

    /// A page of those who hold tokens, with their balances: those after `after`, or the first.
    pub fn holders(&self, after: Option<Principal>) -> Vec<(Principal, u64)> {
        let first = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = self.balances.range((first, Bound::Unbounded)).take(PAGE_MAX);
        page.map(|(holder, balance)| (*holder, *balance)).collect()
    }

    /// Moves tokens of the sender; replies how many the sender has left.
    pub fn transfer(&mut self, cx: &Context, to: Principal, amount: u64) -> Result<u64, Error> {
        self.shift(cx, cx.sender(), to, amount)?;
        Ok(self.balance(cx.sender()))
    }

    /// Lets a spender move so many of the sender's tokens, in place of what was allowed before.
    pub fn approve(&mut self, cx: &Context, spender: Principal, amount: u64) {
        self.set_allowance(cx.sender(), spender, amount);
    }

    /// Moves tokens of an owner who allowed the sender to; replies how many more it may move.
    pub fn transfer_from(
        &mut self,
        cx: &Context,
        from: Principal,
        to: Principal,
        amount: u64,
    ) -> Result<u64, Error> {
        let allowed = self.allowance(from, cx.sender());
        let left = allowed.checked_sub(amount).ok_or("the owner does not allow so much")?;
        self.shift(cx, from, to, amount)?;
        self.set_allowance(from, cx.sender(), left);
        Ok(left)
    }

    /// Makes new tokens; replies how many there are then.
    pub fn mint(&mut self, cx: &Context, to: Principal, amount: u64) -> Result<u64, Error> {
        require!(cx.sender() == cx.controller(), "only the controller makes tokens");
        self.supply = self.supply.checked_add(amount).ok_or("the supply does not fit")?;
        self.set_balance(to, self.balance(to) + amount);
        Ok(self.supply)
    }

    /// Destroys tokens of the sender; replies how many there are then.
    pub fn burn(&mut self, cx: &Context, amount: u64) -> Result<u64, Error> {
        self.withdraw(cx.sender(), amount)?;
        self.supply -= amount;
        Ok(self.supply)
    }
}

impl Ledger {
    fn shift(
        &mut self,
        cx: &Context,
        from: Principal,
        to: Principal,
        amount: u64,
    ) -> Result<(), Error> {
        self.withdraw(from, amount)?;
        // It fits: no balance is more than the supply.
        self.set_balance(to, self.balance(to) + amount);
        cx.emit_named("transfer", &Transfer { from, to, amount });
        Ok(())
    }

    fn withdraw(&mut self, from: Principal, amount: u64) -> Result<(), Error> {
        let left = self.balance(from).checked_sub(amount).ok_or("there are not so many tokens")?;
        self.set_balance(from, left);
        Ok(())
    }

    fn set_balance(&mut self, holder: Principal, balance: u64) {
        if balance == 0 {
            self.balances.remove(&holder);
        } else {
            self.balances.insert(holder, balance);
        }
    }

    fn set_allowance(&mut self, owner: Principal, spender: Principal, amount: u64) {
        let spenders = self.allowances.entry(owner).or_default();
        if amount == 0 {
            spenders.remove(&spender);
        } else {
            spenders.insert(spender, amount);
        }
        if spenders.is_empty() {
            self.allowances.remove(&owner);
        }
    }
}

#[cfg(test)]
mod tests;
