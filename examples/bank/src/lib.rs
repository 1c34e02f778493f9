//! Accounts that move money to each other by asks, and never lose a coin: what is not known to have
//! arrived is kept apart until somebody finds out.

use antiphon::prelude::*;

/// One account of a bank.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Bank {
    balance: u64,
    /// Money that has left and has not arrived yet.
    under_way: u64,
    sent: u64,
    received: u64,
    doubts: Vec<Doubt>,
}

/// A transfer of which nobody knows whether it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Described)]
pub struct Doubt {
    /// The slot in which the transfer was made.
    pub slot: Slot,
    /// The account it was for.
    pub to: ProcessId,
    /// How much it was.
    pub amount: u64,
    /// Why it is not known, as a code.
    pub code: String,
}

#[actor]
impl Bank {
    /// Opens an account with some money.
    #[init]
    pub fn new(balance: u64) -> Self {
        Self { balance, ..Self::default() }
    }

    /// How much money there is.
    pub fn balance(&self) -> u64 {
        self.balance
    }

    /// How much money has left without an answer yet, doubts not counted.
    pub fn under_way(&self) -> u64 {
        self.under_way
    }

    /// How many transfers have arrived from here, and how many deposits here.
    pub fn counts(&self) -> (u64, u64) {
        (self.sent, self.received)
    }

    /// The transfers of which nobody knows whether they arrived.
    pub fn doubts(&self) -> Vec<Doubt> {
        self.doubts.clone()
    }

    /// Takes money in; replies the balance.
    pub fn deposit(&mut self, amount: u64) -> Result<u64, Error> {
        self.balance =
            self.balance.checked_add(amount).ok_or("the balance does not fit into 64 bits")?;
        self.received += 1;
        Ok(self.balance)
    }

    /// Moves money to another account; replies the balance here. The money leaves before the other
    /// account is asked, so it cannot be spent twice meanwhile. It comes back if it is certain that
    /// it did not arrive.
    pub async fn transfer(
        this: State<Self>,
        cx: Context,
        to: ActorRef<Self>,
        amount: u64,
    ) -> Result<u64, Error> {
        require!(cx.sender() == cx.controller(), "only the controller moves money");
        this.with(|me| me.withdraw(amount))?;
        let asked = to.deposit(amount).ask(&cx).await;
        this.with(|me| {
            me.under_way -= amount;
            match asked {
                Ok(_) => {
                    me.sent += 1;
                    Ok(me.balance)
                }
                Err(error) if did_not_arrive(&error) => {
                    me.balance += amount;
                    Err(error.into())
                }
                Err(error) => {
                    let (slot, to, code) = (cx.slot(), to.id(), error.code().to_owned());
                    me.doubts.push(Doubt { slot, to, amount, code });
                    Err(error.into())
                }
            }
        })
    }

    /// Ends a doubt about the transfer of a slot: the money comes back unless it has arrived.
    pub fn settle(&mut self, cx: &Context, slot: Slot, arrived: bool) -> Result<u64, Error> {
        require!(cx.sender() == cx.controller(), "only the controller settles");
        let at = self.doubts.iter().position(|doubt| doubt.slot == slot);
        let doubt = self.doubts.remove(at.ok_or("there is no doubt about this slot")?);
        if arrived {
            self.sent += 1;
        } else {
            self.balance += doubt.amount;
        }
        Ok(self.balance)
    }
}

impl Bank {
    fn withdraw(&mut self, amount: u64) -> Result<(), Error> {
        self.balance = self.balance.checked_sub(amount).ok_or("there is not so much money")?;
        self.under_way += amount;
        Ok(())
    }
}

/// Whether the other account certainly has not taken the money: the ask had no effect, or the
/// account itself refused.
pub fn did_not_arrive(error: &AskError) -> bool {
    let refused = !error.is_system() && error.code() == Error::REFUSED;
    error.effect() == Effect::No || refused
}

#[cfg(test)]
mod tests;
