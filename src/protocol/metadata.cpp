#include "tidelog/protocol/metadata.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::metadata_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::metadata_response);
