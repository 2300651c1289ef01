//! `uas_rsipstack PORT`: rsipstack as a UAS on 127.0.0.1 (180, 200 with SDP, 200 to BYE) until SIGTERM. One thread, as its own
//! examples run it. The peer of `sipwright answer --no-media --quiet` in the call benchmark.

use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::{Dialog, DialogState};
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::transport::{TransportLayer, udp::UdpConnection};
use rsipstack::{EndpointBuilder, sip};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                   m=audio 6000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n";

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}

async fn run() -> Outcome {
    let port: u16 = std::env::args().nth(1).ok_or("usage: uas_rsipstack PORT")?.parse()?;
    let token = CancellationToken::new();
    let transport = TransportLayer::new(token.clone());
    let local = format!("127.0.0.1:{port}").parse()?;
    transport.add_transport(UdpConnection::create_connection(local, None, Some(token.child_token())).await?.into());
    let endpoint = EndpointBuilder::new().with_cancel_token(token.clone()).with_transport_layer(transport).build();
    let host_with_port = endpoint.get_addrs()[0].addr.clone();
    let contact = sip::Uri { scheme: Some(sip::Scheme::Sip), host_with_port, ..Default::default() };
    let mut incoming = endpoint.incoming_transactions()?;
    let dialogs = Arc::new(DialogLayer::new(endpoint.inner.clone()));
    let (states, mut changed) = dialogs.new_dialog_state_channel();
    tokio::spawn(async move { endpoint.serve().await });

    let known = dialogs.clone();
    tokio::spawn(async move {
        while let Some(state) = changed.recv().await {
            match state {
                DialogState::Calling(id) => {
                    if let Some(Dialog::Invite(call)) = known.get_dialog(&id) {
                        let kind = sip::Header::ContentType("application/sdp".into());
                        let _ = call.ringing(None, None);
                        let _ = call.accept(Some(vec![kind]), Some(SDP.as_bytes().to_vec()));
                    }
                }
                DialogState::Terminated(id, _) => known.remove_dialog(&id),
                _ => {}
            }
        }
    });

    let serve = async move {
        while let Some(mut transaction) = incoming.recv().await {
            if transaction.original.method == sip::Method::Invite {
                let call = dialogs.get_or_create_server_invite(&transaction, states.clone(), None, Some(contact.clone()));
                if let Ok(mut call) = call {
                    tokio::spawn(async move { call.handle(&mut transaction).await.ok() });
                }
            } else if let Some(mut call) = DialogId::try_from(&transaction).ok().and_then(|id| dialogs.get_dialog(&id)) {
                tokio::spawn(async move { call.handle(&mut transaction).await.ok() });
            } else if transaction.original.method != sip::Method::Ack {
                transaction.reply(sip::StatusCode::CallTransactionDoesNotExist).await.ok();
            }
        }
    };
    let mut end = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! { () = serve => {}, _ = end.recv() => {} }
    std::process::exit(0)
}
