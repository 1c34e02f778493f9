//! A token: balances, transfers and allowances. The balances always sum up to the supply.

use std::collections::BTreeMap;

use antiphon::prelude::*;

/// A token.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    symbol: String,
    supply: u64,
    /// Who owns something, and how much; nobody is listed with nothing.
    balances: BTreeMap<Principal, u64>,
    /// What an owner lets others spend: owner, spender, amount.
    allowances: BTreeMap<Principal, BTreeMap<Principal, u64>>,
}

/// The event `moved`: tokens changed hands. Without an owner before, they are new; without one
/// after, they are gone.
#[derive(Debug, Serialize)]
struct Moved {
    from: Option<Principal>,
    to: Option<Principal>,
    amount: u64,
}

#[actor]
impl Ledger {
    /// A token of which there is nothing yet.
    #[init]
    pub fn new(symbol: String) -> Result<Self, Error> {
        require!((1..=12).contains(&symbol.len()), "a symbol has 1 to 12 bytes");
        Ok(Self { symbol, ..Self::default() })
    }

    /// What the token is called.
    pub fn symbol(&self) -> String {
        self.symbol.clone()
    }

    /// How many tokens there are.
    pub fn supply(&self) -> u64 {
        self.supply
    }

    /// How many tokens somebody owns.
    pub fn balance(&self, owner: Principal) -> u64 {
        self.balances.get(&owner).copied().unwrap_or(0)
    }

    /// How many tokens of an owner somebody else may spend.
    pub fn allowance(&self, owner: Principal, spender: Principal) -> u64 {
        self.allowances.get(&owner).and_then(|of| of.get(&spender)).copied().unwrap_or(0)
    }

    /// Makes new tokens for somebody; replies the supply.
    pub fn mint(&mut self, cx: &Context, to: Principal, amount: u64) -> Result<u64, Error> {
        require!(cx.sender() == cx.controller(), "only the controller mints");
        // No balance can overflow, as none is larger than the supply.
        self.supply = self.supply.checked_add(amount).ok_or("the supply does not fit")?;
        self.credit(to, amount);
        cx.emit("moved", &Moved { from: None, to: Some(to), amount });
        Ok(self.supply)
    }

    /// Destroys tokens of the sender; replies the supply.
    pub fn burn(&mut self, cx: &Context, amount: u64) -> Result<u64, Error> {
        self.debit(cx.sender(), amount)?;
        self.supply -= amount;
        cx.emit("moved", &Moved { from: Some(cx.sender()), to: None, amount });
        Ok(self.supply)
    }

    /// Moves tokens of the sender; replies what is left.
    pub fn transfer(&mut self, cx: &Context, to: Principal, amount: u64) -> Result<u64, Error> {
        self.move_tokens(cx, cx.sender(), to, amount)
    }

    /// Lets somebody spend tokens of the sender, instead of what was allowed before.
    pub fn approve(&mut self, cx: &Context, spender: Principal, amount: u64) {
        let of = self.allowances.entry(cx.sender()).or_default();
        match amount {
            0 => of.remove(&spender),
            _ => of.insert(spender, amount),
        };
        if of.is_empty() {
            self.allowances.remove(&cx.sender());
        }
    }

    /// Moves tokens of an owner who allows it to the sender; replies what the owner has left.
    pub fn transfer_from(
        &mut self,
        cx: &Context,
        owner: Principal,
        to: Principal,
        amount: u64,
    ) -> Result<u64, Error> {
        let allowed = self.allowance(owner, cx.sender());
        let left = allowed.checked_sub(amount).ok_or("the owner does not allow so much")?;
        // Before the allowance is used up: an error keeps what was done until then.
        let balance = self.move_tokens(cx, owner, to, amount)?;
        let of = self.allowances.entry(owner).or_default();
        match left {
            0 => of.remove(&cx.sender()),
            _ => of.insert(cx.sender(), left),
        };
        if of.is_empty() {
            self.allowances.remove(&owner);
        }
        Ok(balance)
    }
}

impl Ledger {
    fn move_tokens(
        &mut self,
        cx: &Context,
        from: Principal,
        to: Principal,
        amount: u64,
    ) -> Result<u64, Error> {
        self.debit(from, amount)?;
        self.credit(to, amount);
        cx.emit("moved", &Moved { from: Some(from), to: Some(to), amount });
        Ok(self.balance(from))
    }

    fn debit(&mut self, owner: Principal, amount: u64) -> Result<(), Error> {
        let left = self.balance(owner).checked_sub(amount);
        match left.ok_or("there are not so many tokens")? {
            0 => self.balances.remove(&owner),
            left => self.balances.insert(owner, left),
        };
        Ok(())
    }

    fn credit(&mut self, owner: Principal, amount: u64) {
        if amount > 0 {
            *self.balances.entry(owner).or_default() += amount;
        }
    }
}

#[cfg(test)]
mod tests;
