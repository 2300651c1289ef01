//! The security record of the field, by class: each file is named after the class whose failures cannot happen here.

mod class_a;
mod class_g;
mod class_j;
#[cfg(feature = "tls")]
mod class_k;
mod class_l;
mod class_o;
mod class_q;
mod class_t;
mod uas;
