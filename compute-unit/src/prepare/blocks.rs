//! Splits a function into runs of operators that execute together, and prices each.
//!
//! A run starts at the entry, behind every operator that may leave the straight line, and wherever
//! a branch may land. Its whole price is charged before its first operator, so no operator runs
//! that was not paid for. A trap in the middle of a run has paid for all of it: the price of a slot
//! depends on the module and the input alone.

use wasmparser::{FunctionBody, Operator};

use super::cost;

/// What is charged in front of one operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charge {
    /// Counts the operators before the charge.
    pub(super) before: usize,
    /// The price of the run.
    pub(super) gas: u64,
}

/// An open block. Branches to a loop land at its head, where a run starts anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    Loop,
    If,
    Block { targeted: bool },
}

struct Runs {
    done: Vec<Charge>,
    current: Charge,
    open: Vec<Frame>,
}

/// The charges of a valid function, in order, none of zero.
pub(super) fn charges(
    body: &FunctionBody<'_>,
    entry: u64,
) -> Result<Vec<Charge>, wasmparser::Error> {
    let mut runs = Runs {
        done: Vec::new(),
        current: Charge { before: 0, gas: entry },
        open: vec![Frame::Block { targeted: false }],
    };
    for (index, operator) in body.get_operators_reader()?.into_iter().enumerate() {
        runs.operator(index, &operator?)?;
    }
    runs.cut(0);
    Ok(runs.done)
}

impl Runs {
    fn operator(&mut self, index: usize, operator: &Operator<'_>) -> Result<(), wasmparser::Error> {
        self.current.gas = self.current.gas.saturating_add(cost::operator(operator));
        let next = index.saturating_add(1);
        match operator {
            Operator::Block { .. } => self.open.push(Frame::Block { targeted: false }),
            Operator::Loop { .. } => {
                self.open.push(Frame::Loop);
                self.cut(next);
            }
            Operator::If { .. } => {
                self.open.push(Frame::If);
                self.cut(next);
            }
            Operator::End => match self.open.pop() {
                Some(Frame::If | Frame::Block { targeted: true }) => self.cut(next),
                Some(Frame::Loop | Frame::Block { targeted: false }) | None => {}
            },
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                self.target(*relative_depth);
                self.cut(next);
            }
            Operator::BrTable { targets } => {
                for target in targets.targets() {
                    self.target(target?);
                }
                self.target(targets.default());
                self.cut(next);
            }
            Operator::Else | Operator::Return | Operator::Unreachable => self.cut(next),
            _ => {}
        }
        Ok(())
    }

    fn cut(&mut self, next: usize) {
        if self.current.gas > 0 {
            self.done.push(self.current);
        }
        self.current = Charge { before: next, gas: 0 };
    }

    fn target(&mut self, depth: u32) {
        let depth = usize::try_from(depth).unwrap_or(usize::MAX);
        if let Some(Frame::Block { targeted }) = self.open.iter_mut().rev().nth(depth) {
            *targeted = true;
        }
    }
}

#[cfg(test)]
mod tests;
