//! Gives a reason to the errors that tonic answers by itself, so that none leaves without one.

use tonic::{Code, Status, body::Body};

use crate::{domain::Invalid, error::Error};

/// Where a status carries its details.
const DETAILS: &str = "grpc-status-details-bin";

/// Replaces an answer that is nothing but a status without details. Anything else passes.
pub fn give(
    response: tonic::codegen::http::Response<Body>,
) -> tonic::codegen::http::Response<Body> {
    if response.headers().contains_key(DETAILS) {
        return response;
    }
    match Status::from_header_map(response.headers()).and_then(|status| reasoned(&status)) {
        Some(error) => Status::from(error).into_http(),
        None => response,
    }
}

/// What an error of tonic's own means: its router knows no such method, its decoder no such message.
/// Cancellations and deadlines are the caller's and keep their status.
pub fn reasoned(status: &Status) -> Option<Error> {
    match status.code() {
        Code::Unimplemented => Some(Error::MethodNotFound),
        Code::Internal | Code::OutOfRange | Code::InvalidArgument | Code::ResourceExhausted => {
            Some(Error::invalid("request", Invalid::new(status.message())))
        }
        _ => None,
    }
}
