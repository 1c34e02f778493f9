//! Savina's trapezoidal approximation: workers integrate a function piece by piece.
//!
//! The function is 4 / (1 + x²) between 0 and 1, whose integral is known: it is pi.

use std::{f64::consts::PI, time::Duration};

use antiphon::prelude::*;

/// The most workers.
pub const WORKERS_MAX: u32 = 300;
/// The most pieces of one worker.
pub const PIECES_MAX: u32 = 1_000_000;

/// How long anything may take.
const PATIENCE: Duration = secs(60 * 60);

/// A worker, or the one that spawns them.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Trapezoid {}

#[actor]
impl Trapezoid {
    /// A worker, or the one that spawns them.
    #[init]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has so many workers integrate so many pieces each; replies the integral, which is pi but for
    /// what the trapezoids miss.
    pub async fn run(
        _this: State<Self>,
        cx: Context,
        workers: u32,
        pieces: u32,
    ) -> Result<f64, Error> {
        require!((1..=WORKERS_MAX).contains(&workers), "there are 1 to {WORKERS_MAX} workers");
        let width = 1.0 / f64::from(workers);
        let parts = (0..workers).map(|number| {
            let worker = cx.spawn::<Self>(&cx.own_module(), args! {}).actor();
            let left = f64::from(number) * width;
            worker.integrate(left, left + width, pieces).deadline(PATIENCE).ask(&cx)
        });
        let mut integral = 0.0;
        for part in join_all(parts).await {
            integral += part?;
        }
        // For this function the error is a sixth of the square of a piece's width, and no more.
        let piece = width / f64::from(pieces);
        let error = (integral - PI).abs();
        require!(error <= piece * piece / 6.0 + 1e-9, "{integral} is too far from pi");
        Ok(integral)
    }

    /// Integrates from left to right in so many pieces. A worker does so.
    pub fn integrate(&mut self, left: f64, right: f64, pieces: u32) -> Result<f64, Error> {
        require!((1..=PIECES_MAX).contains(&pieces), "there are 1 to {PIECES_MAX} pieces");
        let width = (right - left) / f64::from(pieces);
        let inner = (1..pieces).map(|number| height(left + f64::from(number) * width)).sum::<f64>();
        Ok(width * (f64::midpoint(height(left), height(right)) + inner))
    }
}

fn height(x: f64) -> f64 {
    4.0 / x.mul_add(x, 1.0)
}

#[cfg(test)]
mod tests;
