#include "tidelog/protocol/list_partition_reassignments.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::list_partition_reassignments_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::list_partition_reassignments_response);
