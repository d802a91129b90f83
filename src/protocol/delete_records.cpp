#include "tidelog/protocol/delete_records.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::delete_records_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::delete_records_response);
