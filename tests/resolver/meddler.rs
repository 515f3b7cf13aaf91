//! A forwarder on loopback that changes the answers on their way.

use hickory_proto::op::Message;
use std::net::SocketAddr;
use tokio::net::UdpSocket;

/// Forwards questions over UDP to `target` and lets `meddle` change the answers; ends with the runtime.
pub fn meddler(
    target: SocketAddr,
    meddle: impl Fn(&mut Message) + Send + Sync + 'static,
) -> SocketAddr {
    let front = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    front.set_nonblocking(true).unwrap();
    let address = front.local_addr().unwrap();
    tokio::spawn(async move {
        let front = UdpSocket::from_std(front).unwrap();
        let mut buffer = [0; 4096];
        while let Ok((length, client)) = front.recv_from(&mut buffer).await {
            let back = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            back.send_to(&buffer[..length], target).await.unwrap();
            let length = back.recv(&mut buffer).await.unwrap();
            let mut message = Message::from_vec(&buffer[..length]).unwrap();
            meddle(&mut message);
            let octets = message.to_vec().unwrap();
            front.send_to(&octets, client).await.unwrap();
        }
    });
    address
}
