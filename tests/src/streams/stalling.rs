//! A connection of which nothing is read any more, as when a laptop is closed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tonic::codegen::Service;
use tonic::transport::{Channel, Endpoint};

/// What the system takes of it by itself, at about.
const TAKEN_BYTES: u32 = 8 * 1_024;

/// A connection of which nothing is read once it is told so.
pub fn stalling_channel(url: &str) -> (Channel, watch::Sender<bool>) {
    let (stall, stalled) = watch::channel(false);
    let endpoint = Endpoint::from_shared(url.to_owned()).expect("an address");
    (endpoint.connect_with_connector_lazy(Connecting { stalled }), stall)
}

struct Connecting {
    stalled: watch::Receiver<bool>,
}

struct Stalling {
    inner: TcpStream,
    stalled: watch::Receiver<bool>,
}

impl Service<Uri> for Connecting {
    type Response = TokioIo<Stalling>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<TokioIo<Stalling>>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let stalled = self.stalled.clone();
        Box::pin(async move {
            let address = uri.authority().map(|authority| authority.as_str().parse());
            let address = address.and_then(Result::ok).ok_or(io::ErrorKind::InvalidInput)?;
            let socket = TcpSocket::new_v4()?;
            socket.set_recv_buffer_size(TAKEN_BYTES)?;
            Ok(TokioIo::new(Stalling { inner: socket.connect(address).await?, stalled }))
        })
    }
}

impl AsyncRead for Stalling {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Nobody wakes it again: it is stalled for good.
        if *self.stalled.borrow() {
            return Poll::Pending;
        }
        Pin::new(&mut self.inner).poll_read(context, into)
    }
}

impl AsyncWrite for Stalling {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
