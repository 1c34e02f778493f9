//! Asking the units of a process's policy: the best first, others soon if it does not answer.
//!
//! # Invariants
//!
//! - A unit that is down costs [`HEAD_START`] once, and nothing while that is remembered.
//! - While a unit is missing, one that does not execute the process may be about to step in: it is
//!   asked again, within the time that any request has.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use protocol::{ComputePolicy, ProcessId, RefusalCode, Role, Source, UnitId, api::Request};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use transport::Peers;

use crate::{
    Client, ClientError,
    client::{CONNECT_TIMEOUT, ask, more_telling},
};

/// How long a unit may take to answer before the next one is asked as well.
const HEAD_START: Duration = Duration::from_millis(400);

/// How long a unit in doubt may take to be connected.
const DOUBTFUL_CONNECT: Duration = Duration::from_millis(300);

/// How long to wait before a unit that does not execute the process is asked again.
const STEP_IN_PAUSE: Duration = Duration::from_millis(500);

/// What a unit said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said<U> {
    /// The answer.
    Enough(U),
    /// An answer, unless another unit has more to say.
    Little(U),
}

impl<U> Said<U> {
    fn into_inner(self) -> U {
        match self {
            Self::Enough(answer) | Self::Little(answer) => answer,
        }
    }
}

/// The units of a policy while they are asked.
struct Round<T> {
    client: Client,
    request: Arc<Request>,
    deadline: Instant,
    /// Units not asked yet, best first.
    unasked: VecDeque<UnitId>,
    asked: JoinSet<(UnitId, Result<T, ClientError>)>,
    /// The unit asked last.
    last: Option<UnitId>,
    /// Units that do not execute the process, and when to ask them again.
    elsewhere: VecDeque<(Instant, UnitId)>,
    /// Whether a unit cannot be reached.
    missing: bool,
}

impl Client {
    /// Asks the units of a process's policy until one answers something that `read` accepts; those
    /// of its newest policy if the ones known do not, or have little to say: they may be retired.
    pub(crate) async fn ask_executors<T, U>(
        &self,
        process: ProcessId,
        request: Request,
        read: impl Fn(&Source, T) -> Result<Said<U>, ClientError>,
    ) -> Result<U, ClientError>
    where
        T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> + Send + 'static,
    {
        let source = Arc::clone(&self.describe(process).await?.source);
        let asked = self
            .ask_policy(process, source.policy(), request.clone(), |answer| read(&source, answer));
        let answer = match asked.await {
            Ok(Said::Enough(answer)) => return Ok(answer),
            Err(error) if !error.is_of_the_place() => return Err(error),
            answer => answer.map(Said::into_inner),
        };
        let newest = match self.describe_again(process).await {
            Ok(described) => Arc::clone(&described.source),
            Err(error) => return answer.map_err(|_| error),
        };
        if newest.changes() <= source.changes() {
            return answer;
        }
        let read = |answer| read(&newest, answer);
        self.ask_policy(process, newest.policy(), request, read).await.map(Said::into_inner)
    }

    /// Asks the units of a policy that are known until one answers something that `read` accepts.
    pub(crate) async fn ask_policy<T, U>(
        &self,
        process: ProcessId,
        policy: &ComputePolicy,
        request: Request,
        read: impl Fn(T) -> Result<Said<U>, ClientError>,
    ) -> Result<Said<U>, ClientError>
    where
        T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> + Send + 'static,
    {
        let mut units = policy.ranked(&process);
        units.retain(|unit| self.directory().record(unit).is_some());
        self.inner.doubts.order(Instant::now(), &mut units);
        let mut round = Round::new(self.clone(), request, units);
        let mut worst = ClientError::NoUnit { role: Role::Compute };
        let mut spare = None;
        while let Some((unit, answer)) = round.next(spare.is_some()).await {
            match answer.and_then(&read) {
                Ok(Said::Enough(answer)) => {
                    self.inner.doubts.trust(&unit);
                    return Ok(Said::Enough(answer));
                }
                Ok(Said::Little(answer)) => drop(spare.get_or_insert(answer)),
                Err(error) if error.is_of_the_unit() => {
                    round.handle_failure(unit, &error);
                    worst = more_telling(worst, error);
                }
                Err(error) => return Err(error),
            }
        }
        spare.map(Said::Little).ok_or(worst)
    }
}

impl<T> Round<T>
where
    T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> + Send + 'static,
{
    fn new(client: Client, request: Request, units: Vec<UnitId>) -> Self {
        Self {
            client,
            request: Arc::new(request),
            deadline: Instant::now() + Peers::DEADLINE,
            unasked: units.into(),
            asked: JoinSet::new(),
            last: None,
            elsewhere: VecDeque::new(),
            missing: false,
        }
    }

    /// The next answer; none once there is nobody left to wait for, or nobody worth it where there
    /// is an answer already.
    async fn next(&mut self, has_answer: bool) -> Option<(UnitId, Result<T, ClientError>)> {
        self.ask_next();
        loop {
            let due = self.due(has_answer);
            let answer = tokio::select! {
                Some(answer) = self.asked.join_next() => Some(answer),
                () = sleep_until(due.unwrap_or(self.deadline)), if due.is_some() => None,
                else => return None,
            };
            match answer {
                Some(Ok(answer)) => return Some(answer),
                Some(Err(error)) => tracing::error!(%error, "a question failed"),
                None if !self.unasked.is_empty() => {
                    self.doubt_last();
                    self.ask_next();
                }
                None if has_answer => return None,
                None => {
                    let (_, unit) = self.elsewhere.pop_front()?;
                    self.ask(unit);
                }
            }
        }
    }

    /// When something else is to be done than to wait for those asked.
    fn due(&self, has_answer: bool) -> Option<Instant> {
        let patience = Instant::now() + HEAD_START;
        if !self.unasked.is_empty() {
            return Some(patience);
        }
        if has_answer {
            return (!self.asked.is_empty()).then_some(patience);
        }
        let (due, _) = self.elsewhere.front()?;
        let steps_in = self.missing || !self.asked.is_empty();
        (steps_in && *due < self.deadline).then_some(*due)
    }

    fn ask_next(&mut self) {
        if let Some(unit) = self.unasked.pop_front() {
            self.ask(unit);
        }
    }

    fn ask(&mut self, unit: UnitId) {
        let (client, request) = (self.client.clone(), Arc::clone(&self.request));
        self.last = Some(unit);
        self.asked.spawn(async move {
            let doubtful = client.inner.doubts.is_doubtful(Instant::now(), &unit);
            let connect = if doubtful { DOUBTFUL_CONNECT } else { CONNECT_TIMEOUT };
            (unit, ask(&client.inner.peers, unit, &request, connect).await)
        });
    }

    /// The unit asked last lets others wait.
    fn doubt_last(&mut self) {
        if let Some(unit) = self.last {
            self.client.inner.doubts.doubt(Instant::now(), unit);
        }
    }

    fn handle_failure(&mut self, unit: UnitId, error: &ClientError) {
        let now = Instant::now();
        match error {
            ClientError::Unreachable { .. } => {
                self.missing = true;
                self.client.inner.doubts.doubt(now, unit);
            }
            ClientError::Refused { refusal, .. } => {
                self.client.inner.doubts.trust(&unit);
                if refusal.code == RefusalCode::NotHosted {
                    self.elsewhere.push_back((now + STEP_IN_PAUSE, unit));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
