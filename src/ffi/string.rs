//! Text and buffers that cross the boundary, both ways. Rule 9: in, NUL-terminated UTF-8; out, owned by the library.

use crate::base::limits;
use crate::engine::{Error, ErrorKind};
use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

/// Text that may be absent: NULL gives `None`.
///
/// # Safety
/// `text` is NULL or points to bytes that are readable up to a NUL or to `limits::API_STRING_BYTES` of them, for as long as the result lives.
pub(super) unsafe fn optional<'a>(text: *const c_char, what: &str) -> Result<Option<&'a str>, Error> {
    if text.is_null() {
        return Ok(None);
    }
    let bytes = text.cast::<u8>();
    // SAFETY: the caller's promise; the scan stops at the NUL and never goes beyond the limit.
    let length = (0..=limits::API_STRING_BYTES).find(|&i| unsafe { *bytes.add(i) } == 0);
    let Some(length) = length else {
        return Err(invalid(format!("{what} is longer than {} bytes; is its NUL missing?", limits::API_STRING_BYTES)));
    };
    // SAFETY: `length` bytes were just read.
    let bytes = unsafe { std::slice::from_raw_parts(bytes, length) };
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(e) => Err(invalid(format!("{what} is not UTF-8 (at byte {}); convert it first", e.valid_up_to()))),
    }
}

/// Text that must be there.
///
/// # Safety
/// As [`optional`].
pub(super) unsafe fn required<'a>(text: *const c_char, what: &str) -> Result<&'a str, Error> {
    // SAFETY: the same promise.
    unsafe { optional(text, what) }?.ok_or_else(|| invalid(format!("{what} is NULL; give a text")))
}

/// An owned text; absent is empty.
///
/// # Safety
/// As [`optional`].
pub(super) unsafe fn owned(text: *const c_char, what: &str) -> Result<String, Error> {
    // SAFETY: the same promise.
    Ok(unsafe { optional(text, what) }?.unwrap_or_default().to_owned())
}

/// A block of bytes; NULL with length 0 is empty.
///
/// # Safety
/// `data` is NULL or points to `length` readable values, for as long as the result lives.
pub(super) unsafe fn slice<'a, T>(data: *const T, length: usize, limit: usize, what: &str) -> Result<&'a [T], Error> {
    if length == 0 {
        return Ok(&[]);
    }
    check(data.is_null(), data.is_aligned(), length, limit, what)?;
    // SAFETY: not NULL, aligned, and the caller promises the length.
    Ok(unsafe { std::slice::from_raw_parts(data, length) })
}

/// A block to write into; NULL with length 0 is empty.
///
/// # Safety
/// `data` is NULL or points to `length` initialised values that nobody else touches while the result lives.
pub(super) unsafe fn slice_mut<'a, T>(
    data: *mut T,
    length: usize,
    limit: usize,
    what: &str,
) -> Result<&'a mut [T], Error> {
    if length == 0 {
        return Ok(&mut []);
    }
    check(data.is_null(), data.is_aligned(), length, limit, what)?;
    // SAFETY: not NULL, aligned, and the caller promises the length and exclusive use.
    Ok(unsafe { std::slice::from_raw_parts_mut(data, length) })
}

fn check(null: bool, aligned: bool, length: usize, limit: usize, what: &str) -> Result<(), Error> {
    if null {
        return Err(invalid(format!("{what} is NULL with a length of {length}; give the data or a length of 0")));
    }
    if !aligned {
        return Err(invalid(format!("{what} is not aligned for its type")));
    }
    if length > limit {
        return Err(invalid(format!("{what} has {length} elements; at most {limit} are taken at once")));
    }
    Ok(())
}

/// Where an output goes; NULL is allowed and written nowhere.
///
/// # Safety
/// `out` is NULL or points to writable memory for one `T`.
pub(super) unsafe fn put<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: the caller's promise; unaligned so that a packed struct of the application does no harm.
        unsafe { out.write_unaligned(value) };
    }
}

/// Fills a caller's struct of `size` bytes, which may be shorter than ours (an older program) or longer (a newer one: the rest stays).
///
/// # Safety
/// `out` points to `size` writable bytes.
pub(super) unsafe fn put_sized<T: Copy>(out: *mut T, value: &T, size: usize) {
    let bytes = size.min(size_of::<T>());
    // SAFETY: the caller's promise; `value` has at least as many bytes.
    unsafe { out.cast::<u8>().copy_from_nonoverlapping((&raw const *value).cast(), bytes) };
}

/// Runs what makes an object, and writes its id before the object's first event; a failure leaves the output as it was.
///
/// # Safety
/// As [`put`].
pub(super) unsafe fn announced<R>(
    out: *mut u64,
    make: impl FnOnce(&dyn Fn(u64)) -> Result<R, Error>,
) -> Result<(), Error> {
    if out.is_null() {
        return make(&|_| ()).map(drop);
    }
    let out = out.cast::<MaybeUninit<u64>>();
    // SAFETY: the caller's promise; what stands there may never have been set, so it is only carried.
    let before = unsafe { out.read_unaligned() };
    // SAFETY: the caller's promise.
    let made = make(&|id| unsafe { out.write_unaligned(MaybeUninit::new(id)) });
    if made.is_err() {
        // SAFETY: the caller's promise.
        unsafe { out.write_unaligned(before) };
    }
    made.map(drop)
}

/// Refuses a NULL output that would make the call pointless.
pub(super) fn wanted<T>(out: *mut T, what: &str) -> Result<(), Error> {
    if out.is_null() { Err(invalid(format!("{what} is NULL; give a place for the result"))) } else { Ok(()) }
}

/// Text for C: an inner NUL becomes a space.
pub(super) fn c_text(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| CString::new(text.replace('\0', " ")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_checked() {
        let long = vec![b'a'; limits::API_STRING_BYTES + 1];
        // SAFETY: every pointer is NULL, NUL-terminated or longer than the limit.
        unsafe {
            assert_eq!(required(c"sip:a@b".as_ptr(), "uri").unwrap(), "sip:a@b");
            assert_eq!(optional(std::ptr::null(), "uri").unwrap(), None);
            assert!(required(std::ptr::null(), "uri").unwrap_err().message.starts_with("uri is NULL"));
            assert!(required(c"\xff".as_ptr(), "uri").unwrap_err().message.contains("not UTF-8"));
            assert!(required(long.as_ptr().cast(), "uri").unwrap_err().message.contains("longer than"));
        }
    }

    #[test]
    fn blocks_are_checked() {
        let samples = [1i16, 2, 3, 4];
        // SAFETY: the lengths are right or refused before use.
        unsafe {
            assert_eq!(slice(samples.as_ptr(), 4, 10, "pcm").unwrap(), samples);
            assert!(slice::<i16>(std::ptr::null(), 0, 10, "pcm").unwrap().is_empty());
            assert!(slice::<i16>(std::ptr::null(), 1, 10, "pcm").is_err());
            assert!(slice(samples.as_ptr(), 4, 3, "pcm").is_err());
            assert!(slice(samples.as_ptr().cast::<u8>().add(1).cast::<i16>(), 1, 10, "pcm").is_err());
        }
    }
}
