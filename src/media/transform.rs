//! The place of SRTP in a session: packets are changed in place on their way out and in. RFC 3711 s3.1.

/// Protects and unprotects the packets of one session. A session without one sends and takes plain RTP.
pub trait PacketTransform: Send {
    /// The most bytes that `protect_*` adds to a packet.
    fn overhead(&self) -> usize;

    /// Protects the first `length` bytes of `packet`, which has `overhead` bytes of room behind them; gives the new length, `None`
    /// when the packet must not be sent (keys used up).
    fn protect_rtp(&mut self, packet: &mut [u8], length: usize) -> Option<usize>;

    /// The same for a compound RTCP packet.
    fn protect_rtcp(&mut self, packet: &mut [u8], length: usize) -> Option<usize>;

    /// Checks and unprotects `packet`; gives the new length, `None` when it is forged or replayed.
    fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Option<usize>;

    /// The same for a compound RTCP packet.
    fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Option<usize>;
}
