//! The forms of methods: views for anybody, messages where a key is held to sign them with.

use std::time::Duration;

use antiphon_client::SendResult;
use axum::{
    Form as Urlencoded,
    extract::{FromRequest, Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE, header::ORIGIN},
    response::{IntoResponse, Redirect, Response},
};
use protocol::{
    AskAnswer, Failure, ProcessId, Reply, Value,
    schema::{Method, MethodKind},
};
use serde::Deserialize;

use super::{
    super::{
        Shared, api,
        body::{Kind, Received},
        guard::host_of,
        origin,
        query::{Asked, id},
    },
    fail, show,
};
use crate::explorer::{
    facts::{Problem, ProcessFacts},
    fault::Fault,
    forms::{self, Came, Form, Given, Wrong},
    layout::Live,
};

/// The most bytes of a form: no person types more.
const FORM_MAX: usize = 1 << 20;

/// How long a form may wait for its reply, where the page is kept meanwhile.
const REPLY_WAIT: Duration = Duration::from_secs(10);

/// How long one may wait that is answered with the message's page, which shows the reply later.
const PAGE_WAIT: Duration = Duration::from_secs(1);

/// Which method is meant.
#[derive(Debug, Deserialize)]
pub(in crate::gateway) struct CallPlace {
    method: String,
}

/// `/process/{id}/call?method=`
pub(in crate::gateway) async fn form(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    Asked(place): Asked<CallPlace>,
) -> Response {
    match of(&shared, &text, place).await {
        Ok((facts, method)) => {
            let blank = (&Given::default(), &Wrong::default());
            page(&shared, &facts, &method, blank, (StatusCode::OK, &Came::Nothing))
        }
        Err(problem) => fail(&shared, &problem),
    }
}

/// `POST /process/{id}/call?method=`
///
/// A message that has its place leads to its own page, so that loading the page again sends nothing,
/// unless the answer itself is preferred (RFC 7240).
pub(in crate::gateway) async fn submit(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    Asked(place): Asked<CallPlace>,
    request: Request,
) -> Response {
    let stays = prefers_the_answer(request.headers());
    let received = async {
        let given = given(&shared, request).await?;
        let (facts, method) = of(&shared, &text, place).await?;
        if method.kind == MethodKind::Message {
            shared.must_sign()?;
        }
        Ok::<_, Problem>((facts, method, given))
    };
    let (facts, method, given) = match received.await {
        Ok(received) => received,
        Err(problem) => return fail(&shared, &problem),
    };
    let args = match forms::read(&method, &given) {
        Ok(args) => args,
        Err(wrong) => {
            let unfit = (StatusCode::UNPROCESSABLE_ENTITY, &Came::Nothing);
            return page(&shared, &facts, &method, (&given, &wrong), unfit);
        }
    };
    let came = match method.kind {
        MethodKind::View => view(&shared, facts.process, &method, &args).await,
        MethodKind::Message | MethodKind::Init => {
            let wait = if stays { REPLY_WAIT } else { PAGE_WAIT };
            send(&shared, facts.process, &method, &args, wait).await
        }
    };
    let (status, came) = match came {
        Ok(came @ Came::UnderWay(..)) => (StatusCode::ACCEPTED, came),
        Ok(came) => (StatusCode::OK, came),
        Err(problem) => (super::status(&problem), Came::Failed(problem)),
    };
    match &came {
        Came::Replied(message, ..) | Came::UnderWay(message, Some(_), _) if !stays => {
            Redirect::to(&format!("/message/{message}")).into_response()
        }
        _ => page(&shared, &facts, &method, (&given, &Wrong::default()), (status, &came)),
    }
}

/// The process of an address, and its method of this name.
async fn of(
    shared: &Shared,
    text: &str,
    place: Result<CallPlace, Problem>,
) -> Result<(ProcessFacts, Method), Problem> {
    let (wanted, process): (_, ProcessId) = (place?.method, id(text)?);
    let facts = shared.reader.process(process).await?;
    let schema = facts.schema.clone()?;
    let method = schema.as_deref().and_then(|schema| schema.method(&wanted));
    let method = method.filter(|method| method.kind != MethodKind::Init);
    let missing = "The process has no such method that a form could be made for.";
    let method = method.cloned().ok_or_else(|| Problem::missing(missing))?;
    Ok((facts, method))
}

/// Refuses a form that does not come from a page of the gateway.
fn check_page(request: &Request) -> Result<(), Problem> {
    let said = |name| request.headers().get(name).map(|said| said.to_str().unwrap_or_default());
    let host = host_of(request).unwrap_or_default();
    let own = said(ORIGIN).map(|origin| origin::is_own(origin, &host));
    if !origin::is_own_form(own, said(HeaderName::from_static("sec-fetch-site"))) {
        let detail = "The form does not come from a page of this gateway.";
        let hint = "Programs call processes by the API, see /api.";
        return Err(Problem::new(Fault::WrongOrigin, detail, hint));
    }
    Ok(())
}

/// The texts of a form that comes from a page of the gateway.
async fn given(shared: &Shared, request: Request) -> Result<Given, Problem> {
    check_page(&request)?;
    let received = shared.room.receive(request, &[Kind::Form]).await?;
    if received.bytes.len() > FORM_MAX {
        let detail = format!("The form has more than {FORM_MAX} bytes.");
        let hint = "Send it with the antiphon command, or by the API.";
        return Err(Problem::new(Fault::TooLong, detail, hint));
    }
    texts(received).await
}

async fn texts(received: Received) -> Result<Given, Problem> {
    let kind = HeaderValue::from_static(Kind::Form.word());
    let mut request = Request::post("/").body(received.bytes.clone().into()).unwrap_or_default();
    request.headers_mut().insert(CONTENT_TYPE, kind);
    let read = Urlencoded::<Vec<(String, String)>>::from_request(request, &()).await;
    let read = read.map_err(|error| {
        let hint = "Send the form as a browser does.";
        Problem::new(Fault::UnreadableBody, format!("The form: {error}."), hint)
    });
    read.map(|Urlencoded(pairs)| Given::of(pairs))
}

async fn view(
    shared: &Shared,
    process: ProcessId,
    method: &Method,
    args: &Value,
) -> Result<Came, Problem> {
    let client = shared.reader.client();
    let view = api::asked(client, process, (&method.name, args), None).await?;
    Ok(Came::Viewed(view.reply, view.slot))
}

async fn send(
    shared: &Shared,
    process: ProcessId,
    method: &Method,
    args: &Value,
    wait: Duration,
) -> Result<Came, Problem> {
    let client = shared.reader.client();
    let message = client.prepare_message(process, &method.name, args)?;
    Ok(match api::send(client, message, wait).await? {
        api::Progress::Replied(result) => {
            Came::Replied(result.message, result.slot(), reply(&result))
        }
        api::Progress::Executed(_, message, slot) => {
            Came::UnderWay(message, Some(slot), "executed")
        }
        api::Progress::Assigned(_, message, slot) => {
            Came::UnderWay(message, Some(slot), "assigned")
        }
        api::Progress::Sent(_, message) => Came::UnderWay(message, None, "sent"),
    })
}

/// The final reply to a message.
fn reply(result: &SendResult) -> Result<Vec<u8>, Failure> {
    match (result.late.as_deref().map(|late| &late.answer), &result.outcome.reply) {
        (Some(AskAnswer::Value(value)), _) | (None, Reply::Value(value)) => Ok(value.clone()),
        (Some(AskAnswer::Failure(failure, _)), _) | (None, Reply::Failure(failure)) => {
            Err(failure.clone())
        }
        (None, Reply::Later) => Ok(Vec::new()),
    }
}

fn prefers_the_answer(headers: &HeaderMap) -> bool {
    let prefer = HeaderName::from_static("prefer");
    headers.get(prefer).is_some_and(|prefer| prefer == "return=representation")
}

fn page(
    shared: &Shared,
    facts: &ProcessFacts,
    method: &Method,
    (given, wrong): (&Given, &Wrong),
    (status, came): (StatusCode, &Came),
) -> Response {
    let signer = shared.reader.client().principal();
    let (process, name) = (facts.process, facts.described.spawn.name.as_str());
    let form = Form { process, name, method, signer, given, wrong };
    let main = forms::page(&form, came);
    (status, show(shared, &forms::title(method), Live::No, &main)).into_response()
}
