//! The security record of the field, by class: each file is named after the class whose failures cannot happen here.
