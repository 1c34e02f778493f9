//! The files pages refer to, part of the binary.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};

type Asset = ([(axum::http::HeaderName, &'static str); 2], &'static str);

const fn asset(kind: &'static str, body: &'static str) -> Asset {
    // Asked for again each time, so that a page never meets the files of another version.
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], body)
}

pub(super) async fn style() -> Asset {
    asset("text/css; charset=utf-8", include_str!("../../assets/style.css"))
}

pub(super) async fn script() -> Asset {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/live.js"))
}

pub(super) async fn forms() -> Asset {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/forms.js"))
}

pub(super) async fn slider() -> Asset {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/slider.js"))
}

pub(super) async fn icon() -> Asset {
    asset("image/svg+xml", include_str!("../../assets/icon.svg"))
}
