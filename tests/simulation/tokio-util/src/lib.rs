//! What units use of tokio-util, on the simulated executor.

pub use tokio_util::sync;

/// Tasks that somebody waits for.
pub mod task {
    use simulated_tokio::task::{JoinHandle, spawn};

    /// Counts tasks.
    #[derive(Debug, Clone, Default)]
    pub struct TaskTracker(tokio_util::task::TaskTracker);

    impl TaskTracker {
        /// No tasks.
        pub fn new() -> Self {
            Self::default()
        }

        /// Lets a future run by itself, counted.
        pub fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
        where
            F: Future + Send + 'static,
            F::Output: Send + 'static,
        {
            spawn(self.0.track_future(work))
        }

        /// Lets [`Self::wait`] complete once there are no tasks.
        pub fn close(&self) -> bool {
            self.0.close()
        }

        /// Waits until it is closed and there are no tasks.
        pub async fn wait(&self) {
            self.0.wait().await;
        }
    }
}
