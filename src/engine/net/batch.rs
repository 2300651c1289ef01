//! System calls that std and tokio do not have: batches of datagrams with the address they hit (`recvmmsg`, `sendmmsg`,
//! IP_PKTINFO), the socket error queue, eventfd, timerfd, epoll and CLOCK_BOOTTIME.
//!
//! The one file of `engine` where `unsafe` stands. Each block hands the kernel pointers to values that live through the call, with
//! their true lengths; nothing here keeps a pointer after the call.
#![allow(unsafe_code)]

use crate::base::Duration;
use std::io;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Datagrams per system call.
pub(crate) const BATCH: usize = 32;
/// Room for one control message, in 8-byte words: a pktinfo of either family, or an extended error with an address.
const CONTROL_WORDS: usize = 16;

/// Room for the pktinfo that names our source address, of either family.
const SOURCE_WORDS: usize = 5;
type SourceControl = [u64; SOURCE_WORDS];

/// Time since boot, suspend included.
pub(crate) fn boot_time() -> Duration {
    // SAFETY: `time` is a valid timespec that the kernel fills; CLOCK_BOOTTIME exists since Linux 2.6.39 and cannot fail with it.
    let time = unsafe {
        let mut time: libc::timespec = zeroed();
        libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut time);
        time
    };
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Fills `out` with randomness of the system.
pub(crate) fn os_random(out: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
        // SAFETY: `rest` is a live buffer of the given length.
        let got = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match usize::try_from(got) {
            Ok(got) => done += got,
            Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(io::Error::last_os_error()),
        }
    }
    Ok(())
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Sets an integer socket option.
fn set_option(fd: BorrowedFd<'_>, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the option value is a live c_int and its length is given.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or(0),
        )
    };
    check(result).map(drop)
}

/// Asks for the destination address of each datagram, and for ICMP errors (they make the socket readable).
pub(crate) fn enable_packet_info(fd: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    if v6 {
        set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
        set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)?;
    } else {
        set_option(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
        set_option(fd, libc::IPPROTO_IP, libc::IP_RECVERR, 1)?;
    }
    // Without it an error wakes a poller with EPOLLERR only, which tokio does not count as readable.
    set_option(fd, libc::SOL_SOCKET, libc::SO_SELECT_ERR_QUEUE, 1)
}

/// Registers a bound, non-blocking socket with the current tokio runtime, for datagrams and (as priority) ICMP errors.
pub(crate) fn watch(socket: UdpSocket) -> io::Result<AsyncFd<UdpSocket>> {
    // SAFETY: a UdpSocket owns its descriptor and always gives the same one, for as long as it lives.
    Ok(unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE.add(Interest::PRIORITY)) }?)
}

/// Writes `address` to the front of `out`; gives its length.
fn write_address(address: SocketAddr, out: &mut MaybeUninit<libc::sockaddr_storage>) -> libc::socklen_t {
    match address {
        SocketAddr::V4(v4) => {
            let raw = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: sockaddr_storage is larger than and aligned for every socket address (POSIX).
            unsafe { out.as_mut_ptr().cast::<libc::sockaddr_in>().write(raw) };
            size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V6(v6) => {
            let raw = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: v6.scope_id(),
            };
            // SAFETY: as above.
            unsafe { out.as_mut_ptr().cast::<libc::sockaddr_in6>().write(raw) };
            size_of::<libc::sockaddr_in6>() as libc::socklen_t
        }
    }
}

fn read_address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that a sockaddr_in lies here; the storage is larger and aligned for it.
            let raw = unsafe { (&raw const *storage).cast::<libc::sockaddr_in>().read() };
            let ip = Ipv4Addr::from(raw.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddrV4::new(ip, u16::from_be(raw.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above, for sockaddr_in6.
            let raw = unsafe { (&raw const *storage).cast::<libc::sockaddr_in6>().read() };
            let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(ip, u16::from_be(raw.sin6_port), raw.sin6_flowinfo, raw.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// What the control messages of a received datagram say.
#[derive(Default)]
struct Control {
    destination: Option<IpAddr>,
    error: Option<i32>,
}

/// Reads the control messages that the kernel wrote for `header`.
fn read_control(header: &libc::msghdr) -> Control {
    let mut found = Control::default();
    // SAFETY: `header` points at a control buffer that lives in the caller, with the length the kernel wrote; the CMSG macros walk
    // inside it, and each payload is read unaligned with the size that its level and type promise, after a check of `cmsg_len`.
    unsafe {
        let mut cursor = libc::CMSG_FIRSTHDR(header);
        while !cursor.is_null() {
            let message = &*cursor;
            let data = libc::CMSG_DATA(cursor);
            let has = |bytes: usize| message.cmsg_len as usize >= libc::CMSG_LEN(bytes as libc::c_uint) as usize;
            match (message.cmsg_level, message.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) if has(size_of::<libc::in_pktinfo>()) => {
                    let info = data.cast::<libc::in_pktinfo>().read_unaligned();
                    found.destination = Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) if has(size_of::<libc::in6_pktinfo>()) => {
                    let info = data.cast::<libc::in6_pktinfo>().read_unaligned();
                    found.destination = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                }
                (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
                    if has(size_of::<libc::sock_extended_err>()) =>
                {
                    let error = data.cast::<libc::sock_extended_err>().read_unaligned();
                    found.error = i32::try_from(error.ee_errno).ok();
                }
                _ => {}
            }
            cursor = libc::CMSG_NXTHDR(header, cursor);
        }
    }
    found
}

/// Buffers for one `recvmmsg`. Reused: nothing is allocated per packet.
pub(crate) struct RecvBatch {
    room: usize,
    bytes: Vec<u8>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<[u64; CONTROL_WORDS]>,
    got: Vec<Got>,
}

#[derive(Copy, Clone)]
struct Got {
    length: usize,
    from: Option<SocketAddr>,
    to: Option<IpAddr>,
    truncated: bool,
}

/// One received datagram.
pub(crate) struct Packet<'a> {
    /// Who sent it.
    pub(crate) from: SocketAddr,
    /// The address that it was sent to, when the socket was asked for it.
    pub(crate) to: Option<IpAddr>,
    /// Its bytes.
    pub(crate) bytes: &'a mut [u8],
}

impl RecvBatch {
    /// Buffers for datagrams of up to `room` bytes; longer ones are dropped by [`RecvBatch::packet`].
    pub(crate) fn new(room: usize) -> Self {
        RecvBatch {
            room,
            bytes: vec![0; room.saturating_mul(BATCH)],
            // SAFETY: an all-zero sockaddr_storage is a valid value (family AF_UNSPEC).
            names: vec![unsafe { zeroed() }; BATCH],
            controls: vec![[0; CONTROL_WORDS]; BATCH],
            got: Vec::with_capacity(BATCH),
        }
    }

    /// Receives up to [`BATCH`] datagrams without waiting; gives how many. `WouldBlock` when there is none.
    pub(crate) fn receive(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        self.got.clear();
        // SAFETY: iovec and mmsghdr are plain C structs for which all-zero is valid (null pointers, zero lengths).
        let (mut vectors, mut headers): ([libc::iovec; BATCH], [libc::mmsghdr; BATCH]) =
            unsafe { (zeroed(), zeroed()) };
        let buffers = self.bytes.chunks_exact_mut(self.room);
        let slots = headers.iter_mut().zip(&mut vectors).zip(&mut self.names).zip(&mut self.controls).zip(buffers);
        for ((((header, vector), name), control), buffer) in slots {
            vector.iov_base = buffer.as_mut_ptr().cast();
            vector.iov_len = buffer.len();
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = (&raw mut *name).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_hdr.msg_control = control.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = size_of::<[u64; CONTROL_WORDS]>() as _;
        }
        // SAFETY: each of the BATCH headers points at buffers of `self` and at `vectors`, with their true lengths; all outlive the
        // call. MSG_DONTWAIT: it does not block.
        let count = check(unsafe {
            libc::recvmmsg(
                fd.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        })?;
        let count = usize::try_from(count).unwrap_or(0);
        for (header, name) in headers.iter().zip(&self.names).take(count) {
            self.got.push(Got {
                length: header.msg_len as usize,
                from: read_address(name),
                to: read_control(&header.msg_hdr).destination,
                truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            });
        }
        Ok(count)
    }

    /// Datagram `index` of the last `receive`; `None` when it was cut short or carries no address.
    pub(crate) fn packet(&mut self, index: usize) -> Option<Packet<'_>> {
        let got = *self.got.get(index)?;
        let bytes = self.bytes.chunks_exact_mut(self.room).nth(index)?.get_mut(..got.length)?;
        match got.truncated {
            true => None,
            false => Some(Packet { from: got.from?, to: got.to, bytes }),
        }
    }
}

/// One datagram to send.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Outgoing<'a> {
    /// To whom.
    pub(crate) to: SocketAddr,
    /// The address of ours that it leaves from; `None` lets the system choose.
    pub(crate) from: Option<IpAddr>,
    /// The bytes.
    pub(crate) bytes: &'a [u8],
}

/// Sends up to [`BATCH`] datagrams without waiting; gives how many the system took. An error is of the first one.
pub(crate) fn send(fd: BorrowedFd<'_>, datagrams: &[Outgoing<'_>]) -> io::Result<usize> {
    let count = datagrams.len().min(BATCH);
    if count == 0 {
        return Ok(0);
    }
    // Only what is used is written: zeroing all of it would cost more than the rest of this function.
    let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BATCH];
    let mut vectors = [const { MaybeUninit::<libc::iovec>::uninit() }; BATCH];
    let mut names = [const { MaybeUninit::<libc::sockaddr_storage>::uninit() }; BATCH];
    let mut controls = [const { MaybeUninit::<SourceControl>::uninit() }; BATCH];
    let slots = headers.iter_mut().zip(&mut vectors).zip(&mut names).zip(&mut controls).zip(datagrams).take(count);
    for ((((header, vector), name), control), datagram) in slots {
        let vector = vector
            .write(libc::iovec { iov_base: datagram.bytes.as_ptr().cast_mut().cast(), iov_len: datagram.bytes.len() });
        // SAFETY: a plain C struct, all-zero is valid.
        let message = &mut header.write(unsafe { zeroed() }).msg_hdr;
        message.msg_iov = vector;
        message.msg_iovlen = 1;
        message.msg_namelen = write_address(datagram.to, name);
        message.msg_name = name.as_mut_ptr().cast();
        if let Some(from) = datagram.from {
            write_source(message, control.write([0; SOURCE_WORDS]), from, datagram.to);
        }
    }
    // SAFETY: the first `count` headers are written, and point at live buffers with their true lengths; the kernel only reads the data
    // behind iov_base.
    let sent = check(unsafe {
        libc::sendmmsg(
            fd.as_raw_fd(),
            headers.as_mut_ptr().cast(),
            count as libc::c_uint,
            (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
        )
    })?;
    Ok(usize::try_from(sent).unwrap_or(0))
}

/// Puts a pktinfo with our source address into `control`.
fn write_source(message: &mut libc::msghdr, control: &mut SourceControl, from: IpAddr, to: SocketAddr) {
    message.msg_control = control.as_mut_ptr().cast();
    // SAFETY: `control` is zeroed, 8-byte aligned and no smaller than CMSG_SPACE of either pktinfo (asserted below); CMSG_FIRSTHDR gives its start once
    // msg_controllen is set, and the payload is written unaligned inside it.
    unsafe {
        match from {
            IpAddr::V4(ip) => {
                let info = libc::in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                let size = size_of::<libc::in_pktinfo>() as libc::c_uint;
                message.msg_controllen = libc::CMSG_SPACE(size) as _;
                let header = libc::CMSG_FIRSTHDR(message);
                (*header).cmsg_level = libc::IPPROTO_IP;
                (*header).cmsg_type = libc::IP_PKTINFO;
                (*header).cmsg_len = libc::CMSG_LEN(size) as _;
                libc::CMSG_DATA(header).cast::<libc::in_pktinfo>().write_unaligned(info);
            }
            IpAddr::V6(ip) => {
                let scope = match to {
                    SocketAddr::V6(v6) => v6.scope_id(),
                    SocketAddr::V4(_) => 0,
                };
                let info =
                    libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: ip.octets() }, ipi6_ifindex: scope as _ };
                let size = size_of::<libc::in6_pktinfo>() as libc::c_uint;
                message.msg_controllen = libc::CMSG_SPACE(size) as _;
                let header = libc::CMSG_FIRSTHDR(message);
                (*header).cmsg_level = libc::IPPROTO_IPV6;
                (*header).cmsg_type = libc::IPV6_PKTINFO;
                (*header).cmsg_len = libc::CMSG_LEN(size) as _;
                libc::CMSG_DATA(header).cast::<libc::in6_pktinfo>().write_unaligned(info);
            }
        }
    }
}

// SAFETY: CMSG_SPACE only computes.
const _: () = assert!(unsafe { libc::CMSG_SPACE(size_of::<libc::in6_pktinfo>() as u32) } as usize <= SOURCE_WORDS * 8);
// SAFETY: as above.
const _: () = assert!(unsafe { libc::CMSG_SPACE(size_of::<libc::in_pktinfo>() as u32) } as usize <= SOURCE_WORDS * 8);

/// A datagram that came to nobody.
#[derive(Debug)]
pub(crate) struct Undelivered {
    /// Where it was sent.
    pub(crate) to: SocketAddr,
    /// Our address that the ICMP message came to, which the datagram left from.
    pub(crate) from: Option<IpAddr>,
    /// Why.
    pub(crate) error: io::Error,
}

/// Bytes that wait in a socket to be received, with the kernel's own overhead, and how many may; `None` where the kernel does not tell.
pub(crate) fn receive_memory(fd: BorrowedFd<'_>) -> Option<(u32, u32)> {
    let mut figures = [0u32; 9];
    let mut length = libc::socklen_t::try_from(size_of_val(&figures)).unwrap_or(0);
    // SAFETY: the option value is a live array and its length is given.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            figures.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    let [used, bound, ..] = figures;
    (result == 0 && length >= 8).then_some((used, bound))
}

/// Takes one ICMP error from a socket's error queue; `None` when there is none.
pub(crate) fn take_error(fd: BorrowedFd<'_>) -> Option<Undelivered> {
    let mut byte = [0u8; 1];
    let mut control = [0u64; 64];
    // SAFETY: plain C structs, all-zero is valid.
    let (mut name, mut message): (libc::sockaddr_storage, libc::msghdr) = unsafe { (zeroed(), zeroed()) };
    let mut vector = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: byte.len() };
    message.msg_iov = &mut vector;
    message.msg_iovlen = 1;
    message.msg_name = (&raw mut name).cast();
    message.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of::<[u64; 64]>() as _;
    // SAFETY: all pointers are to locals that outlive the call, with their true lengths.
    let result = unsafe { libc::recvmsg(fd.as_raw_fd(), &mut message, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT) };
    if result < 0 {
        return None;
    }
    let control = read_control(&message);
    let error = io::Error::from_raw_os_error(control.error?);
    let from = control.destination.filter(|ip| !ip.is_unspecified());
    Some(Undelivered { to: read_address(&name)?, from, error })
}

/// Waits until a descriptor is readable; false when the time ran out. A number that is no descriptor is seen by the kernel.
pub(crate) fn wait_readable(fd: RawFd, timeout: Duration) -> bool {
    let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let ms = libc::c_int::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(libc::c_int::MAX);
    // SAFETY: one live pollfd.
    unsafe { libc::poll(&mut entry, 1, ms) > 0 }
}

fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: called only with a descriptor that a system call has just returned and that nothing else owns.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// A level-triggered flag that poll sees.
#[derive(Debug)]
pub(crate) struct EventFd(OwnedFd);

impl EventFd {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        Ok(EventFd(owned(fd)))
    }

    /// Makes it readable.
    pub(crate) fn set(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: 8 live bytes. The only failure is a counter at its maximum, which is readable all the same.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Makes it unreadable.
    pub(crate) fn clear(&self) {
        drain(self.0.as_fd());
    }

    /// Waits until it is readable; false when the time ran out.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        wait_readable(self.0.as_raw_fd(), timeout)
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Reads the 8-byte counter of an eventfd or timerfd.
fn drain(fd: BorrowedFd<'_>) {
    let mut count = [0u8; 8];
    // SAFETY: 8 live bytes; the descriptor is non-blocking.
    unsafe { libc::read(fd.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
}

/// A timer that ticks at absolute times of CLOCK_BOOTTIME, so that it does not drift.
#[derive(Debug)]
pub(crate) struct TimerFd(OwnedFd);

impl TimerFd {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = check(unsafe { libc::timerfd_create(libc::CLOCK_BOOTTIME, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK) })?;
        Ok(TimerFd(owned(fd)))
    }

    /// Ticks every `period` from now on; zero stops it.
    pub(crate) fn every(&self, period: Duration) -> io::Result<()> {
        let as_timespec = |d: Duration| libc::timespec {
            tv_sec: libc::time_t::try_from(d.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: d.subsec_nanos() as _,
        };
        let first = if period.is_zero() { Duration::ZERO } else { boot_time() + period };
        let spec = libc::itimerspec { it_interval: as_timespec(period), it_value: as_timespec(first) };
        // SAFETY: `spec` lives through the call; the old value is not wanted.
        let result =
            unsafe { libc::timerfd_settime(self.0.as_raw_fd(), libc::TFD_TIMER_ABSTIME, &spec, std::ptr::null_mut()) };
        check(result).map(drop)
    }

    /// Takes the ticks that have passed.
    pub(crate) fn clear(&self) {
        drain(self.0.as_fd());
    }
}

impl AsFd for TimerFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A level-triggered poller of many descriptors.
#[derive(Debug)]
pub(crate) struct Epoll {
    fd: OwnedFd,
    ready: Vec<u64>,
}

impl Epoll {
    /// Descriptors told per wait.
    const EVENTS: usize = 256;

    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Epoll { fd: owned(fd), ready: Vec::with_capacity(Self::EVENTS) })
    }

    /// Watches `fd` for reading under `token`. Closing the descriptor ends the watch.
    pub(crate) fn add(&self, fd: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        // SAFETY: `event` lives through the call.
        check(unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &mut event) })
            .map(drop)
    }

    /// Waits for any, as long as it takes; gives the tokens that are readable.
    pub(crate) fn wait(&mut self) -> &[u64] {
        self.ready.clear();
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; Self::EVENTS];
        // SAFETY: the kernel writes at most EVENTS entries into the live array.
        let count =
            unsafe { libc::epoll_wait(self.fd.as_raw_fd(), events.as_mut_ptr(), Self::EVENTS as libc::c_int, -1) };
        self.ready.extend(events.iter().take(usize::try_from(count).unwrap_or(0)).map(|e| e.u64));
        &self.ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(ip: &str) -> Option<(UdpSocket, UdpSocket)> {
        let bind = || UdpSocket::bind((ip, 0)).ok();
        Some((bind()?, bind()?))
    }

    fn round_trip(ip: &str, v6: bool) {
        let Some((a, b)) = pair(ip) else { return };
        enable_packet_info(b.as_fd(), v6).unwrap();
        let us: IpAddr = ip.parse().unwrap();
        let texts: Vec<String> = (0..40).map(|i| format!("datagram {i}")).collect();
        let out: Vec<Outgoing<'_>> = texts
            .iter()
            .map(|t| Outgoing { to: b.local_addr().unwrap(), from: Some(us), bytes: t.as_bytes() })
            .collect();
        assert_eq!(send(a.as_fd(), &out).unwrap(), BATCH, "a batch is bounded");
        assert_eq!(send(a.as_fd(), &out[BATCH..]).unwrap(), 40 - BATCH);
        let mut batch = RecvBatch::new(64);
        let mut seen = Vec::new();
        while seen.len() < 40 {
            let n = batch.receive(b.as_fd()).unwrap();
            for i in 0..n {
                let packet = batch.packet(i).unwrap();
                assert_eq!((packet.from, packet.to), (a.local_addr().unwrap(), Some(us)));
                seen.push(String::from_utf8(packet.bytes.to_vec()).unwrap());
            }
        }
        assert_eq!(seen, texts);
        assert_eq!(batch.receive(b.as_fd()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn batches_carry_bytes_source_and_destination_over_v4() {
        round_trip("127.0.0.1", false);
    }

    #[test]
    fn batches_carry_bytes_source_and_destination_over_v6() {
        round_trip("::1", true);
    }

    #[test]
    fn a_datagram_longer_than_the_room_is_dropped_and_its_neighbours_are_not() {
        let (a, b) = pair("127.0.0.1").unwrap();
        for text in ["short", "much longer than sixteen bytes", "end"] {
            a.send_to(text.as_bytes(), b.local_addr().unwrap()).unwrap();
        }
        let mut batch = RecvBatch::new(16);
        assert_eq!(batch.receive(b.as_fd()).unwrap(), 3);
        assert_eq!(batch.packet(0).unwrap().bytes, b"short");
        assert!(batch.packet(1).is_none());
        assert_eq!(batch.packet(2).unwrap().bytes, b"end");
        assert!(batch.packet(3).is_none());
    }

    #[test]
    fn a_closed_port_comes_back_through_the_error_queue() {
        let (a, b) = pair("127.0.0.1").unwrap();
        enable_packet_info(a.as_fd(), false).unwrap();
        let gone = b.local_addr().unwrap();
        drop(b);
        let out = [Outgoing { to: gone, from: None, bytes: b"x" }];
        assert_eq!(send(a.as_fd(), &out).unwrap(), 1);
        let undelivered = take_error(a.as_fd()).expect("loopback answers at once");
        assert_eq!((undelivered.to, undelivered.error.kind()), (gone, io::ErrorKind::ConnectionRefused));
        assert_eq!(undelivered.from, Some(gone.ip()));
        assert!(take_error(a.as_fd()).is_none());
    }

    #[test]
    fn an_event_is_readable_until_cleared() {
        let event = EventFd::new().unwrap();
        assert!(!event.wait(Duration::ZERO));
        event.set();
        event.set();
        assert!(event.wait(Duration::ZERO) && event.wait(Duration::ZERO));
        event.clear();
        assert!(!event.wait(Duration::ZERO));
    }

    #[test]
    fn a_poller_names_what_is_readable() {
        let (event, timer) = (EventFd::new().unwrap(), TimerFd::new().unwrap());
        let mut poller = Epoll::new().unwrap();
        poller.add(event.as_fd(), 7).unwrap();
        poller.add(timer.as_fd(), 9).unwrap();
        event.set();
        assert_eq!(poller.wait(), [7]);
        event.clear();
        timer.every(Duration::from_millis(1)).unwrap();
        assert_eq!(poller.wait(), [9]);
        timer.every(Duration::ZERO).unwrap();
        timer.clear();
        event.set();
        assert_eq!(poller.wait(), [7]);
    }
}
