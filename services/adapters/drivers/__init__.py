"""What reads Kafka for the tracker: a member of the group on Faust or aiokafka, and what works its partitions off."""
