//! The pages of modules, accounts and units.

use axum::{
    extract::{Path, State},
    response::Response,
};
use protocol::{AccountId, ModuleId, ProcessId, UnitId};

use super::{fail, process_of, show};
use crate::{
    explorer::{account, layout::Live, module, unit, units},
    gateway::{Shared, query::id},
};

/// `/module/{id}`
pub(in crate::gateway) async fn module(
    State(shared): State<Shared>,
    Path(text): Path<String>,
) -> Response {
    let read = async {
        let module: ModuleId = id(&text)?;
        Box::pin(shared.reader.module(module)).await
    };
    match read.await {
        Ok(facts) => show(&shared, "Module", Live::No, &module::page(&facts)),
        Err(problem) => fail(&shared, &problem),
    }
}

/// `/account/{id}`
pub(in crate::gateway) async fn account(
    State(shared): State<Shared>,
    Path(text): Path<String>,
) -> Response {
    let account: AccountId = match id(&text) {
        Ok(account) => account,
        Err(problem) => return fail(&shared, &problem),
    };
    let facts = Box::pin(shared.reader.account(account)).await;
    let targets = facts.sent.iter().map(|row| row.assignment.process);
    let senders = facts.sent.iter().filter_map(|row| process_of(&row.call.from));
    let mentioned: Vec<ProcessId> = targets.chain(senders).collect();
    let names = shared.reader.names(mentioned).await;
    show(&shared, "Account", Live::No, &account::page(&facts, &names))
}

/// `/units`
pub(in crate::gateway) async fn units(State(shared): State<Shared>) -> Response {
    let units = shared.reader.units().await;
    show(&shared, "Units", Live::All, &units::page(&units))
}

/// `/unit/{id}`
pub(in crate::gateway) async fn unit(
    State(shared): State<Shared>,
    Path(text): Path<String>,
) -> Response {
    let read = async {
        let unit: UnitId = id(&text)?;
        let facts = shared.reader.unit(unit).await?;
        let holdings = Box::pin(shared.reader.holdings(&facts)).await;
        Ok((facts, holdings))
    };
    match read.await {
        Ok((facts, holdings)) => {
            let title = format!("Unit: {}", facts.record.role);
            show(&shared, &title, Live::All, &unit::page(&facts, &holdings))
        }
        Err(problem) => fail(&shared, &problem),
    }
}
