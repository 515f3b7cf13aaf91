//! mta_sts
